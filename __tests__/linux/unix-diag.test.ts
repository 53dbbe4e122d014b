// Replies of sock_diag(7) that this machine's Linux does not send: a reply with
// more or less than expected is understood, or counts as none.
import { writeSync } from 'node:fs';
import { bindLibc } from '../../src/ffi/libc.js';
import { UnixDiag } from '../../src/linux/unix-diag.js';
import { SOCK_DGRAM } from '../conformance/libc.js';
import { dup, forget, isolate, socketpair } from '../conformance/world.js';
import { onLinux } from '../support/fds.js';

isolate();

const SOCK_DIAG_BY_FAMILY = 20;
const NLMSG_ERROR = 2;
const [NAME, PEER, QUEUE, MEMORY] = [0, 2, 4, 5];

/** An attribute. It may claim another length than it has. */
function attribute(type: number, data: Buffer, length = 4 + data.length) {
  const padding = -(4 + data.length) & 3;
  const bytes = Buffer.concat([Buffer.alloc(4), data, Buffer.alloc(padding)]);
  bytes.writeUInt16LE(length, 0);
  bytes.writeUInt16LE(type, 2);
  return bytes;
}
const words = (...values: number[]) =>
  Buffer.from(Uint32Array.from(values).buffer);
const queue = (bytes: number) => attribute(QUEUE, words(bytes, 0));

function reply(attributes: readonly Buffer[], type = SOCK_DIAG_BY_FAMILY) {
  const header = Buffer.alloc(32);
  header.writeUInt16LE(type, 4);
  return Buffer.concat([header, ...attributes]);
}

/** UnixDiag over a netlink that sends these replies. */
function diagWith(...replies: readonly Buffer[]): UnixDiag {
  const real = bindLibc();
  const [mine, other] = socketpair(SOCK_DGRAM);
  for (const bytes of replies) writeSync(other, bytes);
  const socket = () => {
    const fd = dup(mine);
    forget(fd);
    return fd;
  };
  return new UnixDiag({ ...real, socket, send: () => 40 });
}

onLinux('an attribute is found behind others, of any length', () => {
  for (const size of [0, 1, 3, 4, 7]) {
    const name = attribute(NAME, Buffer.alloc(size, 0x55));
    expect(diagWith(reply([name, queue(3)])).backlog(1)).toBe(3);
    expect(diagWith(reply([queue(3), name])).backlog(1)).toBe(3);
    expect(diagWith(reply([name])).backlog(1)).toBeUndefined();
  }
});

onLinux('an attribute that is not all there counts as none', () => {
  for (const length of [0, 3, 13, 4096]) {
    const bad = attribute(QUEUE, words(3, 0), length);
    expect(diagWith(reply([bad])).backlog(1)).toBeUndefined();
  }
});

onLinux('an error counts as no reply', () => {
  expect(diagWith(reply([queue(3)], NLMSG_ERROR)).backlog(1)).toBeUndefined();
  expect(diagWith(Buffer.alloc(8)).backlog(1)).toBeUndefined();
});

onLinux('a peer is stuck once it has used its whole send buffer', () => {
  const peer = reply([attribute(PEER, words(7))]);
  const isStuck = (...memory: number[]) =>
    diagWith(peer, reply([attribute(MEMORY, words(...memory))])).peerIsStuck(1);
  expect(isStuck(1, 2, 5, 6)).toBe(false);
  expect(isStuck(1, 2, 6, 6)).toBe(true);
  expect(isStuck(1, 2, 6)).toBeUndefined();
  expect(diagWith(peer, reply([])).peerIsStuck(1)).toBeUndefined();
});
