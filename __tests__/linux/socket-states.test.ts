// States of a socket that programs seldom meet: urgent data, pending errors,
// shutdowns before the data is gone. None of them loses an event or invents one.

import { syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc } from '../../src/ffi/libc.js';
import {
  type Kevent,
  type KeventInit,
  KeventList,
  kevent,
} from '../../src/index.js';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import { Probe } from '../../src/linux/probe.js';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_EOF,
  EV_UDATA_SPECIFIC,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_WRITE,
  NOTE_LOWAT,
  NOTE_OOB,
} from '../conformance/constants.js';
import * as libc from '../conformance/libc.js';
import {
  close,
  inetSocket,
  isolate,
  kqueue,
  path,
  socketpair,
  tcpPair,
  unixSocket,
} from '../conformance/world.js';
import { onLinux } from '../support/fds.js';

isolate();

const SOCK_SEQPACKET = 5;
const SOON = 5000;
const list = new KeventList(8);
const read = { filter: EVFILT_READ, flags: EV_ADD };
const write = { filter: EVFILT_WRITE, flags: EV_ADD };

const change = (kq: number, ...changes: KeventInit[]): void => {
  kevent(kq, changes, null);
};
function collect(kq: number, timeout = 0): Kevent[] {
  kevent(kq, null, list, timeout);
  return [...list];
}

/** Wait until the other side has sent what poll(2) then reports. */
function arrived(fd: number, bits: number): void {
  expect(libc.poll(fd, bits, SOON) & bits).toBe(bits);
}
const POLLPRI = 2;
const POLLRDHUP = 0x2000;

describe('a UDP socket whose peer is gone', () => {
  /** It has an error to report, behind the bytes that the peer has sent. */
  function refused(bytes: number): number {
    const [a, peer] = [1, 2].map(() => inetSocket(libc.SOCK_DGRAM));
    for (const fd of [a, peer]) libc.bindTo(fd, 0);
    libc.connect(a, libc.portOf(peer));
    libc.connect(peer, libc.portOf(a));
    if (bytes > 0) libc.write(peer, bytes);
    close(peer);
    libc.write(a, 1);
    return a;
  }

  onLinux(
    'is readable and writable for as long as the error is pending',
    () => {
      const kq = kqueue();
      const ident = refused(0);
      change(kq, { ...read, ident }, { ...write, ident });
      for (let i = 0; i < 2; i++) {
        const events = collect(kq).map(({ filter, flags }) => [filter, flags]);
        expect(events.sort()).toEqual([
          [EVFILT_READ, EV_ADD],
          [EVFILT_WRITE, EV_ADD],
        ]);
      }
      expect(libc.hostErrno(libc.option(ident, 'error'))).toBe('ECONNREFUSED');
      expect(collect(kq).map(({ filter }) => filter)).toEqual([EVFILT_WRITE]);
    },
  );

  onLinux('keeps its datagram after the error was read', () => {
    const kq = kqueue();
    const ident = refused(1);
    change(kq, { ...read, ident });
    for (let i = 0; i < 3; i++) {
      expect(collect(kq)).toMatchObject([{ data: 1, flags: EV_ADD }]);
      libc.option(ident, 'error');
    }
  });
});

describe('a low-water mark', () => {
  const mark = (data: number) => ({ fflags: NOTE_LOWAT, data });

  onLinux('is not reached by a short datagram', () => {
    const kq = kqueue();
    const [ident, peer] = [1, 2].map(() => inetSocket(libc.SOCK_DGRAM));
    libc.bindTo(ident, 0);
    libc.connect(peer, libc.portOf(ident));
    change(kq, { ...read, ident, ...mark(2) });
    libc.write(peer, 1);
    arrived(ident, libc.POLLIN);
    expect(collect(kq)).toEqual([]);
  });

  onLinux(
    'beyond the buffer of a SEQPACKET socket waits until it is full',
    () => {
      const kq = kqueue();
      const [ident, peer] = socketpair(SOCK_SEQPACKET);
      change(kq, { ...read, ident, ...mark(2 ** 30) });
      libc.write(peer, 100);
      expect(collect(kq)).toEqual([]);
      libc.fill(peer);
      expect(collect(kq)).toMatchObject([{ ident, flags: EV_ADD }]);
    },
  );

  onLinux('counts the bytes behind the urgent mark', () => {
    const kq = kqueue();
    const [ident, peer] = tcpPair();
    change(kq, { ...read, ident, ...mark(3) });
    libc.send(peer, 1, libc.MSG_OOB);
    arrived(ident, POLLPRI);
    libc.send(peer, 2);
    arrived(ident, libc.POLLIN);
    expect(collect(kq)).toEqual([]);
    libc.send(peer, 1);
    expect(collect(kq, SOON)).toMatchObject([{ ident, data: 3 }]);
  });

  onLinux('of WRITE is reached by exactly as much free space', () => {
    const [kq, other] = [kqueue(), kqueue()];
    const [ident] = socketpair();
    libc.write(ident, 1000);
    change(other, { ...write, ident });
    const [{ data }] = collect(other);
    for (const more of [0, 1]) {
      change(kq, { ...write, ident, ...mark(Number(data) + more) });
      expect(collect(kq)).toHaveLength(1 - more);
    }
  });

  onLinux('of WRITE is reached again, though the buffer was never full', () => {
    for (const flags of [EV_ADD, EV_ADD | EV_CLEAR]) {
      const [kq, other] = [kqueue(), kqueue()];
      const [ident, peer] = tcpPair();
      libc.setOption(peer, 'receiveBuffer', 4096);
      libc.setOption(ident, 'sendBuffer', 100_000);
      change(other, { ...write, ident });
      const free = () => Number(collect(other)[0].data);
      const enough = free() * 0.95;
      change(kq, { ...write, ident, flags, ...mark(enough) });
      expect(collect(kq)).toMatchObject([{ ident, flags }]);
      for (let i = 0; i < 200 && free() > enough * 0.9; i++) {
        libc.write(ident, 4096);
      }
      expect(collect(kq)).toEqual([]);
      // TCP acknowledges when it likes.
      const until = performance.now() + SOON;
      while (free() < enough && performance.now() < until) libc.drain(peer);
      expect(collect(kq)).toMatchObject([{ ident, flags }]);
    }
  });

  onLinux('wakes an event loop now and then, until it is removed', () => {
    const kq = kqueue();
    const [[ident], [other]] = [tcpPair(), tcpPair()];
    change(kq, { ...read, ident });
    collect(kq);
    change(kq, { ...read, ident, ...mark(9) });
    expect(libc.poll(kq, libc.POLLIN, SOON)).toBe(libc.POLLIN);
    change(kq, { ...read, ident });
    change(kq, { ...read, ident: other, ...mark(9) });
    change(kq, { ...read, ident: other, flags: EV_DELETE });
    collect(kq);
    expect(libc.poll(kq, libc.POLLIN, 50)).toBe(0);
  });
});

describe('urgent data', () => {
  const except = { filter: EVFILT_EXCEPT, fflags: NOTE_OOB };

  /** A TCP socket that has an urgent byte, behind some ordinary ones. */
  function urgent(before = 0): [number, number] {
    const [ident, peer] = tcpPair();
    if (before > 0) libc.write(peer, before);
    libc.send(peer, 1, libc.MSG_OOB);
    arrived(ident, POLLPRI);
    return [ident, peer];
  }

  onLinux('is reported with NOTE_OOB and without data', () => {
    const kq = kqueue();
    // FIONREAD counts the two bytes before it.
    const [ident] = urgent(2);
    change(kq, { ...except, ident, flags: EV_ADD });
    for (let i = 0; i < 2; i++) {
      const event = { ident, data: 0, fflags: NOTE_OOB, flags: EV_ADD };
      expect(collect(kq)).toMatchObject([event]);
    }
  });

  onLinux('leaves NOTE_OOB in later events without EV_CLEAR only', () => {
    for (const flags of [EV_ADD, EV_ADD | EV_CLEAR]) {
      const kq = kqueue();
      const [ident, peer] = urgent();
      change(kq, { ...except, ident, flags });
      expect(collect(kq)).toMatchObject([{ fflags: NOTE_OOB }]);
      libc.setNonblocking(ident);
      libc.recv(ident, 1, libc.MSG_OOB);
      libc.send(peer, 1);
      arrived(ident, libc.POLLIN);
      const fflags = flags === EV_ADD ? NOTE_OOB : 0;
      expect(collect(kq)).toMatchObject([{ data: 1, fflags, flags }]);
    }
  });

  onLinux('is followed by a single byte that is readable', () => {
    const kq = kqueue();
    const [ident, peer] = urgent();
    change(kq, { ...read, ident });
    libc.send(peer, 1);
    expect(collect(kq, SOON)).toMatchObject([{ ident, data: 1, fflags: 0 }]);
  });
});

onLinux(
  'each registration of a socket reports EOF with the unread bytes',
  () => {
    const kq = kqueue();
    const [ident, peer] = tcpPair();
    const flags = EV_ADD | EV_UDATA_SPECIFIC;
    libc.write(peer, 4);
    const both = [1, 2].map((udata) => ({ ...read, ident, flags, udata }));
    change(kq, ...both);
    expect(collect(kq, SOON)).toHaveLength(2);
    libc.shutdown(peer, 'WR');
    arrived(ident, POLLRDHUP);
    for (let i = 0; i < 2; i++) {
      const end = { data: 4, flags: flags | EV_EOF };
      expect(collect(kq)).toMatchObject([end, end]);
    }
  },
);

onLinux('a datagram socket that shut down receiving can still send', () => {
  const kq = kqueue();
  const [ident] = socketpair(libc.SOCK_DGRAM);
  libc.shutdown(ident, 'RD');
  change(kq, { ...write, ident });
  expect(collect(kq)).toMatchObject([{ ident, flags: EV_ADD }]);
});

describe('WRITE of a TCP socket that shut down sending reports EOF', () => {
  const stateOf = (fd: number) => new Probe(bindLibc()).tcpState(fd);
  const [FIN_WAIT1, FIN_WAIT2] = [4, 5];

  onLinux('while the peer has no room for the end', () => {
    const kq = kqueue();
    const [ident] = tcpPair();
    libc.fill(ident, 65536);
    libc.shutdown(ident, 'WR');
    expect(stateOf(ident)).toBe(FIN_WAIT1);
    change(kq, { ...write, ident });
    expect(collect(kq)).toMatchObject([{ flags: EV_ADD | EV_EOF }]);
  });

  onLinux('after the peer has received the end', () => {
    const kq = kqueue();
    const [ident] = tcpPair();
    libc.shutdown(ident, 'WR');
    const until = performance.now() + SOON;
    while (stateOf(ident) !== FIN_WAIT2 && performance.now() < until);
    change(kq, { ...write, ident });
    expect(collect(kq)).toMatchObject([{ flags: EV_ADD | EV_EOF }]);
  });

  onLinux('after the peer has ended first', () => {
    const kq = kqueue();
    const [ident, peer] = tcpPair();
    libc.shutdown(peer, 'WR');
    arrived(ident, POLLRDHUP);
    libc.shutdown(ident, 'WR');
    change(kq, { ...write, ident });
    expect(collect(kq)).toMatchObject([{ flags: EV_ADD | EV_EOF }]);
  });

  onLinux('after both ended, and the peer was closed', () => {
    const kq = kqueue();
    const [ident, peer] = tcpPair();
    libc.shutdown(ident, 'WR');
    close(peer);
    arrived(ident, POLLRDHUP);
    change(kq, { ...write, ident });
    expect(collect(kq)).toMatchObject([{ flags: EV_ADD | EV_EOF }]);
  });
});

onLinux('a mark beyond a TCP buffer is reached where TCP_INFO is short', () => {
  const real = bindLibc();
  const IPPROTO_TCP = 6;
  const { u32, address } = real.scratch;
  const getsockopt: typeof real.getsockopt = (fd, level, name, at, size) => {
    const result = real.getsockopt(fd, level, name, at, size);
    // As before Linux 6.2.
    const length = (size - address) / 4;
    if (level === IPPROTO_TCP && u32[length] > 232) {
      u32[length] = 232;
      u32[(at - address + 232) / 4] = 0;
    }
    return result;
  };
  const kernel = createLinuxKernel({ ...real, getsockopt });
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const kq = kqueue();
  const [ident, peer] = tcpPair();
  libc.setOption(ident, 'receiveBuffer', 4096);
  const mark = { fflags: NOTE_LOWAT, data: 2 ** 30 };
  kevent(kq, [{ ...read, ident, ...mark }], null);
  libc.write(peer, 100);
  arrived(ident, libc.POLLIN);
  expect(kevent(kq, null, list, 0)).toBe(0);
  let count = 0;
  for (let i = 0; i < 40 && count === 0; i++) {
    libc.fill(peer, 2000);
    count = kevent(kq, null, list, 100);
  }
  expect(list.data(0)).toBeGreaterThan(100);
  close(kq);
});

describe('without sock_diag', () => {
  /** The calls over a libc that can make no further socket for a while. */
  function calls() {
    const real = bindLibc();
    const state = { isForbidden: true };
    const socket: typeof real.socket = (...args) => {
      if (!state.isForbidden) return real.socket(...args);
      real.setErrno(1);
      return -1;
    };
    const kernel = createLinuxKernel({ ...real, socket });
    return { ...syscallsOf(() => kernel), state };
  }

  onLinux('a listening UNIX socket reports one connection', () => {
    const { kqueue, kevent, close } = calls();
    const kq = kqueue();
    const ident = unixSocket();
    libc.bindTo(ident, path('listening'));
    libc.listen(ident);
    kevent(kq, [{ ...read, ident }], null);
    for (let i = 0; i < 2; i++) {
      libc.connect(unixSocket(), path('listening'));
      expect(kevent(kq, null, list, 0)).toBe(1);
      expect(list.data(0)).toBe(1);
    }
    close(kq);
  });

  onLinux('the end of a datagram socket is reported once it is known', () => {
    const { kqueue, kevent, close, state } = calls();
    const kq = kqueue();
    const [ident] = socketpair(libc.SOCK_DGRAM);
    libc.shutdown(ident, 'WR');
    kevent(kq, [{ ...write, ident }], null);
    expect(kevent(kq, null, list, 0)).toBe(1);
    expect(list.flags(0)).toBe(EV_ADD);
    state.isForbidden = false;
    expect(kevent(kq, null, list, 0)).toBe(1);
    expect(list.flags(0)).toBe(EV_ADD | EV_EOF);
    close(kq);
  });
});
