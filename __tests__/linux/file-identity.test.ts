// The facts that distinguish an open file from the next one at its descriptor.
// Numbers that a test machine never has are made up here.
import { bindLibc, type Libc } from '../../src/ffi/libc.js';
import { LINUX_EBADF, LINUX_ENOMEM } from '../../src/linux/errno.js';
import { isSameInode, Probe } from '../../src/linux/probe.js';
import { onLinux } from '../support/fds.js';

/** Words of struct statx. */
const LINKS = 4;
const UID = 5;
const GID = 6;
const MODE = 7;
const INODE = 8;
const INODE_HIGH = 9;
const SIZE = 10;
const SIZE_HIGH = 11;
const MAJOR = 34;
const MINOR = 35;

const [O_RDONLY, O_WRONLY, O_RDWR] = [0, 1, 2];
const HANDLE_HEADER = 8;
const MAX_HANDLE = 128;

interface Facts {
  /** Words of the result of statx, or its errno. */
  readonly statx?: Readonly<Record<number, number>> | number;
  /** The flags of open(2), or -1. */
  readonly flags?: number;
  /** The type of the file handle and its words; none is a refusal. */
  readonly handle?: readonly number[] | undefined;
  readonly mountId?: number | undefined;
}

/** Probe over a libc that says this of every descriptor. */
function probing({ statx = {}, flags = O_RDWR, handle, mountId = 1 }: Facts) {
  const real = bindLibc();
  const { u32, i32, address } = real.scratch;
  const libc: Libc = {
    ...real,
    errno: () => (typeof statx === 'number' ? statx : 0),
    statx() {
      if (typeof statx === 'number') return -1;
      u32.fill(0, 0, 64);
      for (const [word, value] of Object.entries(statx)) {
        u32[Number(word)] = value;
      }
      return 0;
    },
    fcntl: () => flags,
    nameToHandleAt(_fd, at, mount) {
      const bytes = 4 * ((handle?.length ?? 1) - 1);
      if (handle === undefined || i32[0] < bytes) return -1;
      expect(mount - at).toBeGreaterThanOrEqual(HANDLE_HEADER + MAX_HANDLE);
      i32[0] = bytes;
      i32.set(handle, (at - address) / 4 + 1);
      i32[(mount - address) / 4] = mountId;
      return 0;
    },
  };
  return new Probe(libc);
}

const generationOf = (handle: readonly number[], mountId?: number): number =>
  probing({ handle, mountId }).inodeGeneration(0);

onLinux('the fields of statx are those of the C struct', () => {
  const statx = {
    [MODE]: 0xabcd_81a4,
    [UID]: 11,
    [GID]: 12,
    [LINKS]: 13,
    [INODE]: 14,
    [INODE_HIGH]: 15,
    [SIZE]: 16,
    [SIZE_HIGH]: 1,
    [MAJOR]: 3,
    [MINOR]: 5,
  };
  expect(probing({ statx }).stat(0)).toEqual({
    mode: 0x81a4,
    uid: 11,
    gid: 12,
    links: 13,
    inode: 14,
    inodeHigh: 15,
    size: 2 ** 32 + 16,
    device: 3 * 2 ** 20 + 5,
  });
  expect(probing({ statx }).size(0)).toBe(2 ** 32 + 16);
  expect(probing({ statx: LINUX_EBADF }).stat(0)).toBeUndefined();
  expect(probing({ statx: LINUX_EBADF }).size(0)).toBe(-1);
});

onLinux('an inode is another if any part of its number differs', () => {
  const one = { device: 1, inode: 2, inodeHigh: 3 };
  expect(isSameInode(one, { ...one })).toBe(true);
  for (const part of ['device', 'inode', 'inodeHigh'] as const) {
    expect(isSameInode(one, { ...one, [part]: 9 })).toBe(false);
  }
});

describe('a descriptor is open on the registered file', () => {
  const statx = { [INODE]: 14, [INODE_HIGH]: 15, [MAJOR]: 3, [MINOR]: 5 };
  const handle = [1, 2, 3];
  const registered = () => ({
    device: 3 * 2 ** 20 + 5,
    inode: 14,
    inodeHigh: 15,
    inodeGeneration: generationOf(handle),
    reads: true,
    writes: true,
  });
  const isOpen = (facts: Facts, file = registered()): boolean =>
    probing({ statx, handle, ...facts }).isOpenOn(0, file);

  onLinux('if all facts are the same', () => {
    expect(isOpen({})).toBe(true);
  });

  onLinux('unless its inode has another number', () => {
    for (const word of [INODE, INODE_HIGH, MAJOR, MINOR]) {
      expect(isOpen({ statx: { ...statx, [word]: 99 } })).toBe(false);
    }
  });

  onLinux('unless it is open for another access', () => {
    for (const flags of [O_RDONLY, O_WRONLY]) {
      expect(isOpen({ flags })).toBe(false);
    }
    expect(isOpen({ flags: -1 })).toBe(true);
  });

  onLinux('unless its inode has another generation', () => {
    expect(isOpen({ handle: [1, 2, 4] })).toBe(false);
    // A generation that is unknown proves nothing.
    expect(isOpen({ handle: undefined })).toBe(true);
    const unknown = { ...registered(), inodeGeneration: -1 };
    expect(isOpen({ handle: [1, 2, 4] }, unknown)).toBe(true);
  });

  onLinux('unless no file is open', () => {
    expect(isOpen({ statx: LINUX_EBADF })).toBe(false);
    expect(isOpen({ statx: LINUX_ENOMEM })).toBe(true);
  });
});

describe('the generation of an inode', () => {
  onLinux(
    'depends on each word of the file handle, and on nothing else',
    () => {
      const longest = Array.from(
        { length: 1 + MAX_HANDLE / 4 },
        (_, i) => i + 1,
      );
      for (const handle of [longest, longest.slice(0, 4)]) {
        const known = generationOf(handle);
        expect(generationOf(handle, 99)).toBe(known);
        for (const i of handle.keys()) {
          const other = handle.map((word, at) =>
            at === i ? word + 1000 : word,
          );
          expect(generationOf(other)).not.toBe(known);
        }
      }
    },
  );

  onLinux('is -1 without a file handle, and only then', () => {
    expect(probing({}).inodeGeneration(0)).toBe(-1);
    // The type whose hash is -1: that times the inverse of the factor.
    let inverse = 1n;
    const factor = 0x01000193n;
    for (let i = 0; i < 5; i++) inverse *= 2n - factor * inverse;
    const type = Number(BigInt.asIntN(32, -inverse));
    expect(Math.imul(type, Number(factor))).toBe(-1);
    expect(generationOf([type])).not.toBe(-1);
  });
});
