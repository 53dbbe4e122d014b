export { createLinuxKernel } from './kernel.js';
