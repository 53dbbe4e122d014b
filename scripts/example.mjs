// `npm run example NAME`: runs a program of examples/; without a name it lists
// them.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../examples/', import.meta.url));
const [name, ...args] = process.argv.slice(2);
const file = `${folder}${name?.replace(/\.ts$/, '')}.ts`;

if (name !== undefined && existsSync(file)) {
  const tsx = createRequire(import.meta.url).resolve('tsx/cli');
  const { status } = spawnSync(process.execPath, [tsx, file, ...args], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} else {
  const names = readdirSync(folder)
    .filter((entry) => entry.endsWith('.ts'))
    .map((entry) => `  npm run example ${entry.slice(0, -'.ts'.length)}`);
  console.error(
    `${name === undefined ? 'Examples:' : `There is no example '${name}'. There are:`}\n${names.join('\n')}`,
  );
  process.exitCode = 2;
}
