import ts from 'typescript';

/**
 * A module without its comments: they are in the declarations, and in the
 * repository. Lines and columns stay as they are, for the source maps, and so
 * does what a bundler reads.
 */
export function withoutComments(file: string, text: string): string {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  let result = text;
  const blank = (start: number, end: number): void => {
    for (const { pos, end: stop } of [
      ...(ts.getLeadingCommentRanges(text.slice(0, end), start) ?? []),
      ...(ts.getTrailingCommentRanges(text.slice(0, end), start) ?? []),
    ]) {
      const comment = text.slice(pos, stop);
      if (comment.includes('@__PURE__')) continue;
      result =
        result.slice(0, pos) +
        comment.replace(/[^\r\n]/g, ' ') +
        result.slice(stop);
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isJSDoc(node)) return;
    const children = node.getChildren(source);
    if (children.length === 0) {
      blank(node.getFullStart(), node.getStart(source));
    }
    children.forEach(visit);
  };
  visit(source);
  return result;
}
