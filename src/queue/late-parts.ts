type Parts = typeof import('./parts.js');

/** The parts of a queue: loaded with the first queue, not at import. */
export const parts = (): Parts => require('./parts.js') as Parts;
