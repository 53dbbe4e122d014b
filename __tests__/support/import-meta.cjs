// Jest runs the sources as CommonJS, where `import.meta` is a syntax error:
// this ts-jest transformer puts the CommonJS equivalent in its place.
const ts = require('typescript');

const EQUIVALENTS = {
  url: 'require("node:url").pathToFileURL(__filename).href',
  filename: '__filename',
  dirname: '__dirname',
};

const isImportMeta = (node) =>
  ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword;

module.exports = {
  name: 'import-meta',
  version: 1,
  factory: () => (context) => (sourceFile) => {
    const visit = (node) => {
      if (
        ts.isPropertyAccessExpression(node) &&
        isImportMeta(node.expression)
      ) {
        const equivalent = EQUIVALENTS[node.name.text];
        if (equivalent === undefined) {
          throw new Error(`No equivalent of import.meta.${node.name.text}`);
        }
        return ts.factory.createIdentifier(equivalent);
      }
      return ts.visitEachChild(node, visit, context);
    };
    return ts.visitNode(sourceFile, visit);
  },
};
