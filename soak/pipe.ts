import { constants } from 'node:fs';
import koffi from 'koffi';

const libc = koffi.load(null);
const makePipe = libc.func('pipe', 'int', ['void *']);
const fcntl = libc.func('fcntl', 'int', ['int', 'int', '...']);
const F_SETFL = 4;

/** The two ends of a pipe, which Node.js cannot make. */
export function pipe(): [number, number] {
  const ends = new Int32Array(2);
  if (makePipe(ends) < 0) throw new Error('no pipe can be made');
  for (const end of ends) fcntl(end, F_SETFL, 'int', constants.O_NONBLOCK);
  return [ends[0], ends[1]];
}
