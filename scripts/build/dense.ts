import ts from 'typescript';

/** A line of the result, and the line of the input it was. */
export interface Line {
  readonly text: string;
  readonly from: number;
}

const WORD = /[\w$#\\\u0080-\uffff]/;

/** Whether two tokens would be another one without a space between them. */
const needsSpace = (before: string, after: string): boolean =>
  (WORD.test(before) && WORD.test(after)) ||
  (before === after && /[-+/&|<>=*.?]/.test(before)) ||
  (/\d/.test(before) && after === '.') ||
  (before === '<' && after === '!') ||
  (before === '-' && after === '>');

/**
 * A program without spaces that mean nothing and without comments, except
 * those that tell a bundler what has no effect. Each statement keeps its line.
 */
export function dense(file: string, code: string): Line[] {
  const source = ts.createSourceFile(
    file,
    code,
    ts.ScriptTarget.ESNext,
    true,
    ts.ScriptKind.JS,
  );
  const lines: { text: string; from: number }[] = [{ text: '', from: 0 }];
  const lineOf = (at: number): number =>
    source.getLineAndCharacterOfPosition(at).line;
  const put = (text: string, at: number): void => {
    const line = lines[lines.length - 1];
    if (line.text === '') {
      line.from = lineOf(at);
    } else if (needsSpace(line.text.slice(-1), text[0])) {
      line.text += ' ';
    }
    const [first, ...rest] = text.split('\n');
    line.text += first;
    // Only templates have line ends in them.
    for (const [i, part] of rest.entries()) {
      lines.push({ text: part, from: lineOf(at) + i + 1 });
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isJSDoc(node)) return;
    const children = node.getChildren(source);
    if (children.length > 0) {
      children.forEach(visit);
      return;
    }
    const start = node.getStart(source);
    const between = code.slice(node.getFullStart(), start);
    if (between.startsWith('#!')) {
      lines[0].text = between.slice(0, between.indexOf('\n'));
    }
    const isNewLine = between.includes('\n');
    if (isNewLine && lines[lines.length - 1].text !== '') {
      lines.push({ text: '', from: 0 });
    }
    if (between.includes('@__PURE__')) put('/* @__PURE__ */', start);
    if (start < node.end) put(code.slice(start, node.end), start);
  };
  visit(source);
  return lines;
}
