type Parts = typeof import('./parts.js');

/** What a queue is made of: loaded with the first one, and not at import. */
export const parts = (): Parts => require('./parts.js') as Parts;
