/**
 * Watch an open file for writes, renames and removal, under any name. With a
 * path it watches that file until it is deleted; without one it creates a file
 * and changes it.
 */
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kqueue } from 'kqueue-ffi';

async function watch(path: string, next: () => void): Promise<void> {
  const fd = openSync(path, 'r');
  const kq = new Kqueue<string>();
  kq.add({
    filter: 'vnode',
    fd,
    notes: ['write', 'extend', 'attrib', 'rename', 'delete'],
    udata: path,
  });
  next();
  for await (const event of kq) {
    if (event.filter !== 'vnode') continue;
    console.log(`${event.notes.join(', ')}`);
    if (event.notes.includes('delete')) break;
    next();
  }
  kq.close();
  closeSync(fd);
}

const [, , given] = process.argv;
if (given !== undefined) {
  await watch(given, () => {});
} else {
  const folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
  const path = join(folder, 'notes.txt');
  writeFileSync(path, 'one\n');
  // One thing after the other, each when the one before has been seen.
  const things = [
    () => appendFileSync(path, 'two\n'),
    () => chmodSync(path, 0o600),
    () => renameSync(path, `${path}.old`),
    () => unlinkSync(`${path}.old`),
  ];
  await watch(path, () => things.shift()?.());
  rmSync(folder, { recursive: true });
}
