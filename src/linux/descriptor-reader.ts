import { readlinkSync } from 'node:fs';
import type { Libc } from '../ffi/index.js';
import { CLOEXEC } from './constants.js';
import { accessOf, type Descriptor, type Kind } from './descriptor.js';
import type { Probe, Stat } from './probe.js';
import type { QueueDescriptors } from './queue-descriptors.js';
import { pathOf } from './vnode-hints.js';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const S_IFMT = 0xf000;

/** By the type bits of st_mode: S_IFIFO, S_IFCHR, S_IFDIR, S_IFBLK … */
const KIND_OF_MODE: Readonly<Record<number, Kind>> = {
  4096: 'fifo',
  8192: 'device',
  16384: 'directory',
  24576: 'directory',
  32768: 'file',
  40960: 'directory',
  49152: 'socket',
};

/** The kinds without an inode of a file system. */
const ANONYMOUS: ReadonlySet<Kind> = new Set([
  'pipe',
  'socket',
  'kqueue',
  'other',
]);

/** Determines the kind of a descriptor. */
export class DescriptorReader {
  readonly #libc: Libc;
  readonly #probe: Probe;
  readonly #queues: QueueDescriptors;
  /** The device of the file system of pipes. */
  #pipeDevice: number | undefined;

  constructor(libc: Libc, probe: Probe, queues: QueueDescriptors) {
    this.#libc = libc;
    this.#probe = probe;
    this.#queues = queues;
  }

  /** Describe a descriptor; `undefined` if it is not open. */
  read(fd: number): Descriptor | undefined {
    const stat = fd < 0 ? undefined : this.#probe.stat(fd);
    if (stat === undefined) return undefined;
    const isAnonymous = KIND_OF_MODE[stat.mode & S_IFMT] === undefined;
    const queue = isAnonymous ? this.#queues.identify(fd) : undefined;
    const kind = queue === undefined ? this.#kindOf(fd, stat) : 'kqueue';
    const isSocket = kind === 'socket';
    const hasName = !ANONYMOUS.has(kind);
    return {
      fd,
      kind,
      device: stat.device,
      inode: stat.inode,
      inodeHigh: stat.inodeHigh,
      inodeGeneration: hasName ? this.#probe.inodeGeneration(fd) : -1,
      ...accessOf(this.#probe.openFlags(fd)),
      isMemfd: kind === 'file' && stat.links === 0 && isMemfd(fd),
      isUnix: isSocket && this.#probe.socketDomain(fd) === AF_UNIX,
      isStream: isSocket && this.#probe.socketType(fd) === SOCK_STREAM,
      queue: queue ?? null,
    };
  }

  #kindOf(fd: number, { mode, device }: Stat): Kind {
    const kind = KIND_OF_MODE[mode & S_IFMT] ?? 'other';
    if (kind === 'device' && this.#probe.isTerminal(fd)) return 'terminal';
    if (kind !== 'fifo') return kind;
    if (this.#pipeDevice === undefined) this.#learnPipeDevice();
    const isPipe =
      this.#pipeDevice === undefined
        ? pathOf(fd)?.startsWith('pipe:')
        : device === this.#pipeDevice;
    return isPipe === true ? 'pipe' : 'fifo';
  }

  /** Make a pipe to find the file system of pipes. */
  #learnPipeDevice(): void {
    const libc = this.#libc;
    if (libc.pipe(libc.scratch.address, CLOEXEC) < 0) return;
    const [reader, writer] = libc.scratch.i32;
    this.#pipeDevice = this.#probe.stat(reader)?.device;
    libc.close(reader);
    libc.close(writer);
  }
}

function isMemfd(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith('/memfd:');
  } catch {
    return false;
  }
}
