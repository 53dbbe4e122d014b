// Loaded into each test file by `npm run conformance` alone.
import { note } from './journal.js';

const name = (): string => expect.getState().currentTestName ?? '';

beforeEach(() => note({ started: name() }));
afterEach(() => note({ ended: name() }));
