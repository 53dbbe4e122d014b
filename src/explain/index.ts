export { type Explainable, type ExplainOptions, explain } from './explain.js';
