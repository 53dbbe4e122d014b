// Write the manual page of kq from the table of its options: npm run manual
import { writeFileSync } from 'node:fs';
import { commands } from '../src/cli/commands.js';
import { manual } from '../src/cli/manual.js';

writeFileSync(new URL('../man/kq.1', import.meta.url), manual(commands));
