import { basename } from 'node:path';
import type { Options } from 'tsup';
import ts from 'typescript';
import { withoutComments } from './comments.js';

type Setup = NonNullable<Options['esbuildPlugins']>[number]['setup'];
type Esbuild = Parameters<Setup>[0]['esbuild'];

/** A module in two: what it does, and what it imports and exports. */
function apart(file: string, text: string): { body: string; tail: string } {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  let body = text;
  const tail: string[] = [];
  const exported = new Set<string>();
  const blank = (node: ts.Node): void => {
    const start = node.getStart(source);
    const spaces = text.slice(start, node.end).replace(/[^\r\n]/g, ' ');
    body = body.slice(0, start) + spaces + body.slice(node.end);
  };
  for (const statement of source.statements) {
    if (
      ts.isImportDeclaration(statement) ||
      ts.isExportDeclaration(statement)
    ) {
      blank(statement);
      tail.push(statement.getText(source).replace(/\s+/g, ' '));
      continue;
    }
    const modifiers = ts.canHaveModifiers(statement)
      ? (ts.getModifiers(statement) ?? [])
      : [];
    const word = modifiers.find(
      ({ kind }) => kind === ts.SyntaxKind.ExportKeyword,
    );
    if (word === undefined) continue;
    blank(word);
    if (ts.isVariableStatement(statement)) {
      for (const { name } of statement.declarationList.declarations) {
        exported.add(name.getText(source));
      }
    } else if (
      ts.isFunctionDeclaration(statement) ||
      ts.isClassDeclaration(statement)
    ) {
      if (statement.name !== undefined) exported.add(statement.name.text);
    }
  }
  if (exported.size > 0) tail.push(`export { ${[...exported].join(', ')} };`);
  return { body, tail: tail.join('\n') };
}

/**
 * A module with short names for what is local to its functions. All that has a
 * name in a stack trace keeps it, and a statement has a line of its own.
 */
export async function small(
  { transform }: Esbuild,
  file: string,
  source: string,
): Promise<string> {
  const text = withoutComments(file, source);
  if (text.includes('import.meta')) return text;
  // As a script, for esbuild shortens the outermost names of modules as well.
  const { body, tail } = apart(file, text);
  const { code, map } = await transform(body, {
    loader: 'ts',
    target: 'node20',
    sourcefile: basename(file),
    sourcemap: 'external',
    sourcesContent: false,
    minifyIdentifiers: true,
    minifySyntax: true,
  });
  const url = `data:application/json;base64,${Buffer.from(map).toString('base64')}`;
  return `${code}${tail}\n//# sourceMappingURL=${url}\n`;
}
