/**
 * Print what is appended to a log, also after it was rotated: `tail -F`.
 *
 * With a path it follows that until Ctrl-C; without one it makes a log, writes
 * to it and rotates it.
 */
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { watchFile } from 'kqueue-ffi';

/** The lines of a log: those there are, then those that come. */
async function* follow(
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  const buffer = Buffer.alloc(65_536);
  // A character may be split between two reads.
  const decoder = new StringDecoder();
  let position = 0;
  let rest = '';
  function* read(): Generator<string> {
    if (!existsSync(path)) return; // an event tells when it is there
    const fd = openSync(path, 'r');
    try {
      for (;;) {
        const n = readSync(fd, buffer, 0, buffer.length, position);
        if (n === 0) return;
        position += n;
        const lines = (rest + decoder.write(buffer.subarray(0, n))).split('\n');
        rest = lines.pop() ?? '';
        yield* lines;
      }
    } finally {
      closeSync(fd);
    }
  }
  // Watched first, so that nothing is written in between unseen.
  const events = watchFile(path, { signal });
  try {
    yield* read();
    for await (const event of events) {
      if (event.type === 'deleted' || event.type === 'attributes') continue;
      const isNew = event.type !== 'changed' || event.size < position;
      if (isNew) position = 0;
      yield* read();
    }
  } finally {
    events.close();
  }
}

const [, , given] = process.argv;
if (given !== undefined) {
  for await (const line of follow(given)) console.log(line);
} else {
  const folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
  const path = join(folder, 'log');
  writeFileSync(path, 'one\n');
  // One thing after the other, each when the line before has been seen.
  const things = [
    () => appendFileSync(path, 'two\n'),
    () => {
      renameSync(path, `${path}.1`);
      writeFileSync(path, 'three, in another file\n');
    },
    () => appendFileSync(path, 'four\n'),
    () => writeFileSync(path, 'five, all else was cut\n'),
  ];
  for await (const line of follow(path)) {
    console.log(line);
    const next = things.shift();
    if (next === undefined) break;
    next();
  }
  rmSync(folder, { recursive: true });
}
