import { renameSync, unlinkSync } from 'node:fs';
import {
  accept,
  addRead,
  addWrite,
  caseTest,
  caseWith,
  chg,
  close,
  closedPort,
  ECONNREFUSED,
  ECONNRESET,
  EDGE,
  EV_ADD,
  EV_DELETE,
  EV_EOF,
  EVFILT_EXCEPT,
  EVFILT_VNODE,
  elapsed,
  expectEvents,
  fifo,
  file,
  get,
  inetSocket,
  isolate,
  kqueue,
  libc,
  meanwhile,
  NOTE_LOWAT,
  NOTE_OOB,
  NOTE_WRITE,
  open,
  path,
  pipe,
  poll,
  read,
  refusal,
  SOON,
  socketpair,
  tcpClient,
  tcpListener,
  tcpPair,
  terminal,
  udpPair,
  unixDiagCase,
  unixSocket,
  withoutData,
  write,
} from './prelude.js';

isolate();

describe('Pipes', () => {
  caseTest('R01', 'READ reports how many bytes are readable', () => {
    const q = kqueue();
    const [r, w] = pipe();
    libc.write(w, 5);
    chg(q, addRead(r));
    expectEvents(poll(q), { ...addRead(r), data: 5 });
  });

  caseTest('R03', 'reports EOF together with the unread bytes', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, addRead(r));
    libc.write(w, 3);
    close(w);
    const flags = EV_ADD | EV_EOF;
    expectEvents(poll(q), { ...read(r), flags, data: 3 });
    libc.read(r, 3);
    expectEvents(poll(q), { ...read(r), flags });
  });

  caseTest('R04', 'a low-water mark of four waits for four bytes', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...addRead(r), fflags: NOTE_LOWAT, data: 4 });
    libc.write(w, 3);
    expectEvents(poll(q));
    libc.write(w, 1);
    expectEvents(poll(q), { ...addRead(r), data: 4 });
  });

  caseTest('R06', 'READ on the write end reports only EOF', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, addRead(w));
    libc.write(w, 3);
    expectEvents(poll(q));
    close(r);
    expectEvents(poll(q), { ...read(w), flags: EV_ADD | EV_EOF });
  });

  caseTest('R07', 'WRITE on a new pipe has room for more than 512', () => {
    const q = kqueue();
    const [, w] = pipe();
    chg(q, addWrite(w));
    const events = poll(q);
    expectEvents(withoutData(events), addWrite(w));
    expect(events[0].data).toBeGreaterThan(512);
  });

  /** WRITE of a full pipe fires once `free` of its bytes are read. */
  const writableOnce = (free: number) => () => {
    const q = kqueue();
    const [r, w] = pipe();
    libc.fill(w);
    chg(q, addWrite(w));
    expectEvents(poll(q));
    libc.read(r, free - 1);
    // A change evaluates it, whether or not something happened.
    chg(q, addWrite(w));
    expectEvents(poll(q));
    libc.read(r, 1);
    expectEvents(withoutData(poll(q)), addWrite(w));
  };
  const PAGE = 4096;
  caseTest('R09', 'WRITE waits until 512 bytes are free', writableOnce(512), {
    linux: writableOnce(PAGE),
  });

  caseTest('R10', 'WRITE reports EOF once the reader closes', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, addWrite(w));
    close(r);
    expectEvents(poll(q), { ...write(w), flags: EV_ADD | EV_EOF });
  });

  caseTest('R12', 'VNODE and EXCEPT on a pipe are EINVAL', () => {
    const q = kqueue();
    const [ident] = pipe();
    for (const filter of [EVFILT_VNODE, EVFILT_EXCEPT]) {
      const add = { ident, filter, flags: EV_ADD, fflags: NOTE_WRITE };
      expect(refusal(q, add)).toBe('EINVAL');
    }
  });

  caseTest('R13', 'READ of a FIFO reports how many bytes are readable', () => {
    const q = kqueue();
    const [r, w] = fifo();
    chg(q, addRead(r));
    expectEvents(poll(q));
    libc.write(w, 4);
    expectEvents(poll(q), { ...addRead(r), data: 4 });
  });
});

describe('Listening sockets', () => {
  caseTest('R15', 'READ counts the TCP connections to accept', () => {
    const q = kqueue();
    const { fd, port } = tcpListener();
    chg(q, addRead(fd));
    expectEvents(poll(q));
    tcpClient(port);
    expectEvents(get(q, 8, SOON), { ...addRead(fd), data: 1 });
    tcpClient(port);
    tcpClient(port);
    expectEvents(get(q, 8, SOON), { ...addRead(fd), data: 3 });
    accept(fd);
    expectEvents(get(q, 8, SOON), { ...addRead(fd), data: 2 });
  });

  unixDiagCase('R16', 'READ counts the UNIX connections to accept', () => {
    const q = kqueue();
    const place = path('listener');
    const fd = unixSocket();
    libc.bindTo(fd, place);
    libc.listen(fd);
    chg(q, addRead(fd));
    expectEvents(poll(q));
    for (let i = 0; i < 2; i++) libc.connect(unixSocket(), place);
    expectEvents(get(q, 8, SOON), { ...addRead(fd), data: 2 });
  });

  caseTest('R18', 'WRITE on a listening socket reports nothing', () => {
    const q = kqueue();
    const { fd, port } = tcpListener();
    chg(q, addWrite(fd));
    tcpClient(port);
    expectEvents(poll(q));
  });
});

describe('Sockets', () => {
  caseTest(
    'R19',
    'a fresh TCP socket reports nothing, a UDP one is writable',
    () => {
      const q = kqueue();
      const tcp = inetSocket();
      const udp = inetSocket(libc.SOCK_DGRAM);
      chg(q, addRead(tcp), addWrite(tcp));
      expectEvents(poll(q));
      chg(q, addRead(udp), addWrite(udp));
      expectEvents(withoutData(poll(q)), addWrite(udp));
    },
  );

  unixDiagCase('R21', 'a low-water mark of 16 waits for 16 bytes', () => {
    const q = kqueue();
    const [a, b] = socketpair();
    chg(q, { ...addRead(a), fflags: NOTE_LOWAT, data: 16 });
    libc.write(b, 8);
    expectEvents(poll(q));
    libc.write(b, 16);
    expectEvents(poll(q), { ...addRead(a), data: 24 });
  });

  unixDiagCase('R22', 'a full buffer reaches any low-water mark', () => {
    const q = kqueue();
    const [a, b] = socketpair();
    const data = 2 ** 40;
    chg(q, { ...addRead(a), fflags: NOTE_LOWAT, data });
    libc.write(b, 100);
    expectEvents(poll(q));
    const total = 100 + libc.fill(b, 65536);
    expectEvents(poll(q), { ...addRead(a), data: total });
  });

  caseTest('R24', 'READ reports EOF after shutdown(SHUT_RD)', () => {
    for (const [a] of [socketpair(), tcpPair()]) {
      const q = kqueue();
      chg(q, addRead(a));
      libc.shutdown(a, 'RD');
      expectEvents(poll(q), { ...read(a), flags: EV_ADD | EV_EOF });
    }
  });

  caseTest('R25', 'WRITE reports EOF after shutdown(SHUT_WR)', () => {
    const q = kqueue();
    const [a] = tcpPair();
    chg(q, addWrite(a));
    libc.shutdown(a, 'WR');
    const flags = EV_ADD | EV_EOF;
    expectEvents(withoutData(poll(q)), { ...write(a), flags });
  });

  caseTest('R27', 'WRITE stays without EOF when the peer stops sending', () => {
    const q = kqueue();
    const [a, b] = tcpPair();
    libc.shutdown(b, 'WR');
    chg(q, addRead(a));
    const flags = EV_ADD | EV_EOF;
    expectEvents(get(q, 8, SOON), { ...read(a), flags });
    chg(q, { ...read(a), flags: EV_DELETE }, addWrite(a));
    expectEvents(withoutData(poll(q)), addWrite(a));
  });

  caseTest('R28', 'READ and WRITE report EOF when a UNIX peer closes', () => {
    const q = kqueue();
    const [a, b] = socketpair();
    chg(q, addRead(a), addWrite(a));
    close(b);
    const flags = EV_ADD | EV_EOF;
    expectEvents(
      withoutData(poll(q)),
      { ...write(a), flags },
      { ...read(a), flags },
    );
  });

  /** A connection that the peer has reset. */
  const resetPair = (): number => {
    const [a, b] = tcpPair();
    libc.setOption(b, 'linger', 1, 0);
    close(b);
    return a;
  };
  const readFails = (fd: number): string => {
    try {
      libc.read(fd, 1);
    } catch (error) {
      if (error instanceof libc.LibcError) return error.code;
      throw error;
    }
    return 'none';
  };

  /** EV_EOF with this error in `fflags`; read(2) still gets the error. */
  const resetSays = (fflags: number) => () => {
    const q = kqueue();
    const a = resetPair();
    chg(q, addRead(a));
    const flags = EV_ADD | EV_EOF;
    expectEvents(get(q, 8, SOON), { ...read(a), flags, fflags });
    expect(readFails(a)).toBe('ECONNRESET');
  };
  caseTest(
    'R29',
    'a reset reports ECONNRESET and leaves it to read()',
    resetSays(ECONNRESET),
    { linux: resetSays(0) },
  );

  /** A non-blocking connect that is refused. */
  const refused = (): number => {
    const fd = inetSocket();
    libc.setNonblocking(fd);
    const port = closedPort();
    try {
      libc.connect(fd, port);
    } catch (error) {
      const isUnderWay =
        error instanceof libc.LibcError && error.code === 'EINPROGRESS';
      if (!isUnderWay) throw error;
    }
    return fd;
  };
  const byFilter = (events: ReturnType<typeof poll>) =>
    withoutData(events).sort((x, y) => y.filter - x.filter);

  /** EV_EOF on both filters with this error; SO_ERROR gives the error once. */
  const refusalSays = (fflags: number) => () => {
    const q = kqueue();
    const fd = refused();
    chg(q, addRead(fd), addWrite(fd));
    const flags = EV_ADD | EV_EOF;
    expectEvents(
      byFilter(get(q, 8, SOON)),
      { ...read(fd), flags, fflags },
      { ...write(fd), flags, fflags },
    );
    expect(libc.hostErrno(libc.option(fd, 'error'))).toBe('ECONNREFUSED');
    expect(libc.option(fd, 'error')).toBe(0);
  };
  caseTest(
    'R30',
    'a refused connect reports ECONNREFUSED, once',
    refusalSays(ECONNREFUSED),
    { linux: refusalSays(0) },
  );

  caseTest('R31', 'WRITE reports that a connect succeeded', () => {
    const q = kqueue();
    const { port } = tcpListener();
    const fd = inetSocket();
    libc.setNonblocking(fd);
    chg(q, addWrite(fd));
    expectEvents(poll(q));
    try {
      libc.connect(fd, port);
    } catch (error) {
      expect(error).toMatchObject({ code: 'EINPROGRESS' });
    }
    expectEvents(withoutData(get(q, 8, SOON)), addWrite(fd));
    expect(libc.option(fd, 'error')).toBe(0);
  });

  /** Whether an acknowledged send of one byte is an edge of WRITE. */
  const sendIsEdge = (isEdge: boolean) => () => {
    const q = kqueue();
    const [a] = tcpPair();
    const event = { ...write(a), flags: EDGE };
    chg(q, event);
    expectEvents(withoutData(poll(q)), event);
    libc.write(a, 1);
    expectEvents(withoutData(get(q, 1, 300)), ...(isEdge ? [event] : []));
  };
  caseTest(
    'R33',
    'CLEAR WRITE fires again after an acknowledged send',
    sendIsEdge(true),
    { linux: sendIsEdge(false) },
  );

  /** Two datagrams, of 3 bytes and then of 5, are reported as this many. */
  const datagramsCountAs = (data: number) => () => {
    const q = kqueue();
    const [a, b] = udpPair();
    libc.write(b, 3);
    libc.write(b, 5);
    chg(q, addRead(a));
    expectEvents(get(q, 8, SOON), { ...addRead(a), data });
  };
  caseTest(
    'R34',
    'READ counts the bytes of all pending datagrams',
    datagramsCountAs(8),
    { linux: datagramsCountAs(3) },
  );

  caseTest('R36', 'arriving data does not fire a CLEAR WRITE', () => {
    for (const [a, b] of [socketpair(), tcpPair()]) {
      const q = kqueue();
      chg(q, { ...read(a), flags: EDGE }, { ...write(a), flags: EDGE });
      expectEvents(withoutData(poll(q)), { ...write(a), flags: EDGE });
      libc.write(b, 2);
      expectEvents(get(q, 8, SOON), { ...read(a), flags: EDGE, data: 2 });
      expectEvents(poll(q));
    }
  });

  caseTest('R37', 'deleting READ leaves WRITE', () => {
    const q = kqueue();
    const [a, b] = socketpair();
    libc.write(b, 1);
    chg(q, addRead(a), addWrite(a));
    expect(poll(q)).toHaveLength(2);
    chg(q, { ...read(a), flags: EV_DELETE });
    expectEvents(withoutData(poll(q)), addWrite(a));
  });
});

describe('Sockets and other filters', () => {
  const title = 'EXCEPT reports ordinary data too';
  caseWith(['EVFILT_EXCEPT'], 'R48', title, () => {
    const q = kqueue();
    const [a, b] = tcpPair();
    const except = { ident: a, filter: EVFILT_EXCEPT, flags: EV_ADD };
    chg(q, { ...except, fflags: NOTE_OOB });
    expectEvents(poll(q));
    libc.write(b, 2);
    expectEvents(get(q, 8, SOON), { ...except, data: 2 });
  });

  caseTest('R49', 'VNODE on a socket is EINVAL', () => {
    const q = kqueue();
    const [ident] = socketpair();
    const fflags = NOTE_WRITE;
    const add = { ident, filter: EVFILT_VNODE, flags: EV_ADD, fflags };
    expect(refusal(q, add)).toBe('EINVAL');
  });
});

describe('Files and devices', () => {
  caseTest('R39', 'READ at the end of a file reports appended bytes', () => {
    const q = kqueue();
    const { fd, at } = file(0);
    chg(q, addRead(fd));
    expectEvents(poll(q));
    libc.write(open(at, 'a'), 4);
    expectEvents(poll(q), { ...addRead(fd), data: 4 });
  });

  /** lseek(2) to the start of a file while a call blocks for a second. */
  const seekWhileBlocked = async () => {
    const q = kqueue();
    const { fd } = file(4);
    libc.seek(fd, 4);
    chg(q, addRead(fd));
    const acts = [{ op: 'seek', fd: 'f', offset: 0 }];
    const { result: took } = await meanwhile({ f: fd }, acts, () =>
      elapsed(() => {
        expectEvents(get(q, 1, 1000), { ...addRead(fd), data: 4 });
      }),
    );
    return { q, fd, took };
  };
  caseTest(
    'R40',
    'lseek wakes a blocked call',
    async () => {
      const { took } = await seekWhileBlocked();
      expect(took).toBeLessThan(900);
    },
    {
      async linux() {
        const { took } = await seekWhileBlocked();
        expect(took).toBeGreaterThanOrEqual(999);
      },
    },
  );

  caseTest('R42', 'renaming and unlinking a file do not affect READ', () => {
    const q = kqueue();
    const { fd, at } = file(0);
    const writer = open(at, 'a');
    chg(q, addRead(fd));
    renameSync(at, path('renamed'));
    libc.write(writer, 2);
    expectEvents(poll(q), { ...addRead(fd), data: 2 });
    unlinkSync(path('renamed'));
    libc.write(writer, 3);
    expectEvents(poll(q), { ...addRead(fd), data: 5 });
  });

  caseTest('R43', 'WRITE on a file is ready in every call', () => {
    const q = kqueue();
    const fd = open(path('file'), 'w');
    chg(q, addWrite(fd));
    for (let i = 0; i < 3; i++) {
      expectEvents(poll(q), { ...addWrite(fd), data: 1 });
    }
  });

  caseTest('R45', 'READ of /dev/null needs a low-water mark of one', () => {
    const q = kqueue();
    const fd = open('/dev/null', 'r');
    expect(refusal(q, addRead(fd))).toBe('EINVAL');
    chg(q, { ...addRead(fd), fflags: NOTE_LOWAT, data: 1 });
    expectEvents(poll(q), { ...addRead(fd), data: 1 });
  });

  caseTest('R46', 'READ of a terminal waits for the whole line', () => {
    const q = kqueue();
    const { master, slave } = terminal();
    chg(q, addRead(slave));
    libc.writeText(master, 'abc');
    expectEvents(poll(q));
    libc.writeText(master, '\n');
    expectEvents(get(q, 8, SOON), { ...addRead(slave), data: 4 });
  });
});
