/**
 * Print the lines appended to a log, even after a rotation: `tail -F`. With a
 * path it follows that file until Ctrl-C; without one it creates a log, writes
 * to it and rotates it.
 */
import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
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
  let decoder = new StringDecoder();
  let fd: number | undefined;
  let position = 0;
  let rest = '';

  /** Keep the file open: its last lines may be written before it is rotated away. */
  function reopen(): void {
    if (fd !== undefined) closeSync(fd);
    fd = existsSync(path) ? openSync(path, 'r') : undefined;
    rewind();
  }
  function rewind(): void {
    position = 0;
    rest = '';
    decoder = new StringDecoder();
  }
  function isReplaced(): boolean {
    const there = statSync(path, { throwIfNoEntry: false });
    return there?.ino !== (fd === undefined ? undefined : fstatSync(fd).ino);
  }
  function* readLines(): Generator<string> {
    if (fd === undefined) return;
    if (fstatSync(fd).size < position) rewind(); // it was truncated
    for (;;) {
      const length = readSync(fd, buffer, 0, buffer.length, position);
      if (length === 0) return;
      position += length;
      const text = rest + decoder.write(buffer.subarray(0, length));
      const lines = text.split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  }

  // Watched first, so that nothing is written in between unseen.
  const events = watchFile(path, { signal });
  try {
    reopen();
    yield* readLines();
    for await (const { type } of events) {
      if (type === 'attributes') continue;
      yield* readLines();
      if (!isReplaced()) continue;
      reopen();
      yield* readLines();
    }
  } finally {
    events.close();
    if (fd !== undefined) closeSync(fd);
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
      appendFileSync(path, 'two and a half\n');
      renameSync(path, `${path}.1`);
      writeFileSync(path, 'three, in another file\n');
    },
    () => {}, // the next line is there already
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
