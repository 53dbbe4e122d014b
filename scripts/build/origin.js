// Where koffi is looked for, for createRequire, which takes a path as well as
// a URL. A bundler that makes ESM of the package's CommonJS has no __filename.
export const origin =
  typeof __filename === 'string' ? __filename : process.argv[1];
