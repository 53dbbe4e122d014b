import { type Libc, type NativeBlock, nativeBlock } from '../ffi/index.js';
import { CLOEXEC } from './constants.js';

const AF_UNIX = 1;
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST = 1;
const MSG_DONTWAIT = 0x40;
const SHOW_PEER = 0x4;
const SHOW_QUEUE = 0x10;
const SHOW_MEMORY = 0x20;
const ATTR_PEER = 2;
const ATTR_QUEUE = 4;
const ATTR_MEMORY = 5;
const ATTR_SHUTDOWN = 6;
const REQUEST_BYTES = 40;
const REPLY_HEADER_BYTES = 32;
const SEND_SHUTDOWN = 2;

/**
 * Facts about AF_UNIX sockets that no call on the socket reports, from
 * sock_diag(7). All are `undefined` if sock_diag is forbidden.
 */
export class UnixDiag {
  readonly #libc: Libc;
  #block: NativeBlock | undefined;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** The number of connections to accept on a listening socket. */
  backlog(inode: number): number | undefined {
    return this.#ask(inode, SHOW_QUEUE, ATTR_QUEUE)?.[0];
  }

  /** Whether its owner shut down sending. */
  sendIsShut(inode: number): boolean | undefined {
    const mask = this.#ask(inode, 0, ATTR_SHUTDOWN)?.[0];
    return mask === undefined ? undefined : (mask & SEND_SHUTDOWN) !== 0;
  }

  /** Whether its peer cannot send more until something is read. */
  peerIsStuck(inode: number): boolean | undefined {
    const peer = this.#ask(inode, SHOW_PEER, ATTR_PEER)?.[0];
    if (peer === undefined) return undefined;
    const memory = this.#ask(peer, SHOW_MEMORY, ATTR_MEMORY);
    if (memory === undefined || memory.length < 4) return undefined;
    return memory[2] >= memory[3];
  }

  /** The number of bytes that its peer has received and not read. */
  unreadByPeer(inode: number): number | undefined {
    const peer = this.#ask(inode, SHOW_PEER, ATTR_PEER)?.[0];
    return peer === undefined
      ? undefined
      : this.#ask(peer, SHOW_QUEUE, ATTR_QUEUE)?.[0];
  }

  /** The words of one attribute of the reply. */
  #ask(
    inode: number,
    show: number,
    attribute: number,
  ): readonly number[] | undefined {
    this.#block ??= nativeBlock(4096);
    const { u8, u32, address } = this.#block;
    // One socket per query: other code could close a kept one.
    const fd = this.#libc.socket(
      AF_NETLINK,
      SOCK_RAW | CLOEXEC,
      NETLINK_SOCK_DIAG,
    );
    if (fd < 0) return undefined;
    u8.fill(0, 0, REQUEST_BYTES);
    u32[0] = REQUEST_BYTES;
    u32[1] = SOCK_DIAG_BY_FAMILY | (NLM_F_REQUEST << 16);
    u8[16] = AF_UNIX;
    u32[5] = 0xffffffff;
    u32[6] = inode;
    u32[7] = show;
    u32[8] = 0xffffffff;
    u32[9] = 0xffffffff;
    const sent = this.#libc.send(fd, address, REQUEST_BYTES, MSG_DONTWAIT);
    // netlink replies before send returns.
    const got =
      sent < 0 ? -1 : this.#libc.recv(fd, address, u8.length, MSG_DONTWAIT);
    this.#libc.close(fd);
    const isReply = got >= REPLY_HEADER_BYTES && (u32[1] & 0xffff) === 20;
    if (!isReply) return undefined;
    for (let at = REPLY_HEADER_BYTES; at + 4 <= got; ) {
      const length = u32[at >> 2] & 0xffff;
      if (length < 4 || at + length > got) return undefined;
      if (u32[at >> 2] >>> 16 === attribute) {
        // The mask of the shutdown attribute is one byte.
        return length === 5
          ? [u8[at + 4]]
          : Array.from(u32.subarray((at + 4) >> 2, (at + length) >> 2));
      }
      at += (length + 3) & ~3;
    }
    return undefined;
  }
}
