// EVFILT_READ and EVFILT_WRITE on every kind of descriptor: rules G of
// docs/rules.md that no case of the list covers.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  writeSync,
} from 'node:fs';
import {
  accept,
  addRead,
  addWrite,
  adopt,
  chg,
  close,
  EDGE,
  EV_ADD,
  EV_DELETE,
  EV_EOF,
  EVFILT_READ,
  EVFILT_VNODE,
  EVFILT_WRITE,
  expectEvents,
  fifo,
  file,
  forget,
  get,
  getThrough,
  inetSocket,
  isolate,
  kqueue,
  libc,
  meanwhile,
  NOTE_LOWAT,
  NOTE_WRITE,
  open,
  path,
  pipe,
  poll,
  read,
  refusal,
  ruleTest,
  SOON,
  socketpair,
  tcpClient,
  tcpListener,
  tcpPair,
  terminal,
  udpPair,
  unixSocket,
  withoutData,
  write,
} from './prelude.js';

isolate();

const END = EV_ADD | EV_EOF;

describe('Pipes', () => {
  ruleTest('G1 a change replaces the low-water mark', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...addRead(r), fflags: NOTE_LOWAT, data: 10 });
    libc.write(w, 5);
    expectEvents(poll(q));
    chg(q, { ...read(r), fflags: NOTE_LOWAT, data: 5 });
    expectEvents(poll(q), { ...addRead(r), data: 5 });
    chg(q, { ...read(r), fflags: NOTE_LOWAT, data: 6 });
    expectEvents(poll(q));
    chg(q, { ...read(r), data: 6 });
    expectEvents(poll(q), { ...addRead(r), data: 5 });
  });

  ruleTest('G10 a mark larger than the pipe is reached when it is full', () => {
    const q = kqueue();
    const [r, w] = pipe();
    const data = 2 ** 40;
    chg(q, { ...addRead(r), fflags: NOTE_LOWAT, data });
    libc.write(w, 100);
    expectEvents(poll(q));
    const total = 100 + libc.fill(w, 1);
    expectEvents(poll(q), { ...addRead(r), data: total });
  });

  ruleTest.each([2049, 3000, 4095])(
    'G10 a mark is reached if writes of %d bytes leave pages unused',
    (size) => {
      const q = kqueue();
      const [r, w] = pipe();
      chg(q, { ...addRead(r), fflags: NOTE_LOWAT, data: 65_536 });
      const total = libc.fill(w, size);
      expectEvents(poll(q), { ...addRead(r), data: total });
      libc.read(r, 4096);
      expectEvents(poll(q));
    },
  );

  ruleTest('G10 EOF is reported below the mark', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...addRead(r), fflags: NOTE_LOWAT, data: 100 });
    libc.write(w, 3);
    close(w);
    expectEvents(poll(q), { ...read(r), flags: END, data: 3 });
  });

  ruleTest('G11 WRITE reports nothing while the pipe is full', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, addWrite(w));
    const [empty] = poll(q);
    libc.write(w, 4096);
    const [used] = poll(q);
    expect(used.data).toBeLessThan(Number(empty.data));
    libc.fill(w);
    expectEvents(poll(q));
    libc.drain(r);
    expectEvents(poll(q), { ...addWrite(w), data: empty.data });
  });

  ruleTest(
    'G11 a mark larger than the pipe is reached when it is empty',
    () => {
      const q = kqueue();
      const [r, w] = pipe();
      chg(q, { ...addWrite(w), fflags: NOTE_LOWAT, data: 2 ** 40 });
      expectEvents(withoutData(poll(q)), addWrite(w));
      libc.write(w, 1);
      expectEvents(poll(q));
      libc.read(r, 1);
      expectEvents(withoutData(poll(q)), addWrite(w));
    },
  );

  ruleTest('G12 every call reports EOF', () => {
    const q = kqueue();
    const [[r, w], [r2, w2]] = [pipe(), pipe()];
    chg(q, addRead(r), addWrite(w2));
    expect(poll(q)).toHaveLength(1);
    close(w);
    close(r2);
    for (let i = 0; i < 3; i++) {
      const events = poll(q).sort((x, y) => y.filter - x.filter);
      expectEvents(
        events,
        { ...read(r), flags: END },
        { ...write(w2), flags: END },
      );
    }
  });

  ruleTest('G12 EOF fires a CLEAR registration once', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EDGE });
    close(w);
    expectEvents(poll(q), { ...read(r), flags: EDGE | EV_EOF });
    expectEvents(poll(q));
  });

  ruleTest('G12 closing the reader fires a CLEAR WRITE once', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...write(w), flags: EDGE });
    expectEvents(withoutData(poll(q)), { ...write(w), flags: EDGE });
    close(r);
    expectEvents(poll(q), { ...write(w), flags: EDGE | EV_EOF });
    expectEvents(poll(q));
  });

  ruleTest(
    'G10 a CLEAR registration fires when several writes reach the mark',
    () => {
      for (const [r, w] of [pipe(), socketpair(), tcpPair()]) {
        const q = kqueue();
        const mark = { fflags: NOTE_LOWAT, data: 5 };
        chg(q, { ...read(r), flags: EDGE, ...mark });
        libc.write(w, 3);
        expectEvents(get(q, 1, 5));
        libc.write(w, 3);
        expectEvents(get(q, 1, SOON), { ...read(r), flags: EDGE, data: 6 });
        expectEvents(poll(q));
      }
    },
  );

  ruleTest('G12 the last byte and EOF between two calls are one event', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EDGE });
    libc.write(w, 1);
    expectEvents(poll(q), { ...read(r), flags: EDGE, data: 1 });
    libc.write(w, 2);
    close(w);
    const flags = EDGE | EV_EOF;
    expectEvents(poll(q), { ...read(r), flags, data: 3 });
    expectEvents(poll(q));
  });

  ruleTest(
    'G13 adding after the peer has closed succeeds and reports EOF',
    () => {
      const q = kqueue();
      const [[r, w], [r2, w2]] = [pipe(), pipe()];
      libc.write(w, 2);
      close(w);
      close(r2);
      chg(q, addRead(r), addWrite(w2));
      expectEvents(
        poll(q),
        { ...read(r), flags: END, data: 2 },
        { ...write(w2), flags: END },
      );
    },
  );

  ruleTest('G14 WRITE on the read end reports only EOF', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, addWrite(r));
    expectEvents(poll(q));
    libc.write(w, 1);
    libc.read(r, 1);
    expectEvents(poll(q));
    close(w);
    expectEvents(poll(q), { ...write(r), flags: END });
  });

  ruleTest('G14 both filters can be on both ends', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, addRead(r), addWrite(r), addRead(w), addWrite(w));
    libc.write(w, 1);
    expectEvents(withoutData(poll(q)), addWrite(w), addRead(r));
  });

  ruleTest('G15 CLEAR WRITE fires again after each write and each read', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...write(w), flags: EDGE });
    const fired = { ...write(w), flags: EDGE };
    expectEvents(withoutData(poll(q)), fired);
    expectEvents(poll(q));
    libc.write(w, 4);
    expectEvents(withoutData(poll(q)), fired);
    expectEvents(poll(q));
    libc.read(r, 1);
    expectEvents(withoutData(poll(q)), fired);
    expectEvents(poll(q));
  });

  ruleTest('G15 a drained CLEAR READ reports nothing', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EDGE });
    libc.write(w, 4);
    expectEvents(poll(q), { ...read(r), flags: EDGE, data: 4 });
    libc.read(r, 4);
    expectEvents(poll(q));
    libc.write(w, 1);
    libc.read(r, 1);
    expectEvents(poll(q));
  });

  ruleTest('G12 closing the writer wakes a call', async () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, addRead(r));
    const acts = [{ op: 'close', fd: 'w' }];
    const { result } = await meanwhile({ w }, acts, () => get(q, 1, SOON));
    forget(w);
    expectEvents(result, { ...read(r), flags: END });
  });
});

describe('Other processes', () => {
  /** Have a child write three bytes to a descriptor. */
  const childWrites = (fd: number): void => {
    execFileSync('sh', ['-c', 'printf abc'], { stdio: ['ignore', fd, 2] });
  };

  ruleTest('G10 reports data that a child writes to a pipe', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EDGE });
    for (const data of [3, 6]) {
      childWrites(w);
      expectEvents(poll(q), { ...read(r), flags: EDGE, data });
      expectEvents(poll(q));
    }
  });

  ruleTest('G51 reports data that a child appends to a file', () => {
    const q = kqueue();
    const { fd, at } = file(0);
    const w = open(at, 'a');
    chg(q, { ...read(fd), flags: EDGE });
    for (const data of [3, 6]) {
      childWrites(w);
      expectEvents(poll(q), { ...read(fd), flags: EDGE, data });
      expectEvents(poll(q));
    }
  });
});

describe('Named FIFOs', () => {
  ruleTest('G20 a low-water mark is ignored', () => {
    const q = kqueue();
    const [r, w] = fifo();
    chg(q, { ...addRead(r), fflags: NOTE_LOWAT, data: 10 });
    libc.write(w, 4);
    expectEvents(poll(q), { ...addRead(r), data: 4 });
  });

  ruleTest('G20 WRITE reports free space until it is full', () => {
    const q = kqueue();
    const [r, w] = fifo();
    chg(q, addWrite(w));
    const events = poll(q);
    expectEvents(withoutData(events), addWrite(w));
    expect(events[0].data).toBeGreaterThan(0);
    libc.write(w, 4);
    const [used] = poll(q);
    expect(used.data).toBeLessThan(Number(events[0].data));
    libc.fill(w);
    expectEvents(poll(q));
    libc.drain(r);
    expectEvents(withoutData(poll(q)), addWrite(w));
  });

  ruleTest('G20 a single byte makes it readable', () => {
    const q = kqueue();
    const [r, w] = fifo();
    chg(q, addRead(r));
    libc.write(w, 1);
    expectEvents(poll(q), { ...addRead(r), data: 1 });
  });

  ruleTest('G21 does not report EOF when the last writer closes', () => {
    const q = kqueue();
    const [r, w] = fifo();
    chg(q, addRead(r));
    libc.write(w, 2);
    close(w);
    expectEvents(poll(q), { ...addRead(r), data: 2 });
    libc.read(r, 2);
    expectEvents(poll(q));
    expectEvents(getThrough(q, 1, 20));
  });

  ruleTest(
    'G21 reports data of another writer after the first has closed',
    () => {
      const q = kqueue();
      const [r, w] = fifo();
      chg(q, { ...read(r), flags: EDGE });
      close(w);
      expectEvents(poll(q));
      libc.write(open(path('fifo'), 'w'), 3);
      expectEvents(poll(q), { ...read(r), flags: EDGE, data: 3 });
    },
  );

  ruleTest(
    'G21 a CLEAR registration reports nothing when a writer closes',
    () => {
      const q = kqueue();
      const [r, w] = fifo();
      const other = open(path('fifo'), 'w');
      libc.write(w, 5);
      chg(q, { ...addRead(r), flags: EDGE });
      expectEvents(poll(q), { ...read(r), flags: EDGE, data: 5 });
      close(other);
      expectEvents(poll(q));
      close(w);
      expectEvents(poll(q));
      expect(libc.read(r, 2)).toBe(2);
      expectEvents(poll(q), { ...read(r), flags: EDGE, data: 3 });
    },
  );

  ruleTest('G22 CLEAR fires again after each write and a partial read', () => {
    const q = kqueue();
    const [r, w] = fifo();
    chg(q, { ...read(r), flags: EDGE });
    libc.write(w, 2);
    expectEvents(poll(q), { ...read(r), flags: EDGE, data: 2 });
    libc.write(w, 2);
    expectEvents(poll(q), { ...read(r), flags: EDGE, data: 4 });
    expectEvents(poll(q));
    libc.read(r, 1);
    expectEvents(poll(q), { ...read(r), flags: EDGE, data: 3 });
    expectEvents(poll(q));
  });
});

describe('Listening sockets', () => {
  ruleTest('G30 a socket may be added before it listens', () => {
    const q = kqueue();
    const fd = inetSocket();
    libc.bindTo(fd, 0);
    chg(q, addRead(fd));
    expectEvents(poll(q));
    libc.listen(fd);
    expectEvents(poll(q));
    tcpClient(libc.portOf(fd));
    expectEvents(get(q, 8, SOON), { ...addRead(fd), data: 1 });
  });

  ruleTest('G30 a CLEAR registration fires for each connection', () => {
    const q = kqueue();
    const { fd, port } = tcpListener();
    chg(q, { ...read(fd), flags: EDGE });
    for (const data of [1, 2]) {
      tcpClient(port);
      expectEvents(get(q, 8, SOON), { ...read(fd), flags: EDGE, data });
      expectEvents(poll(q));
    }
  });

  ruleTest('G30 reports nothing once every connection is accepted', () => {
    const q = kqueue();
    const { fd, port } = tcpListener();
    chg(q, addRead(fd));
    tcpClient(port);
    expectEvents(get(q, 8, SOON), { ...addRead(fd), data: 1 });
    accept(fd);
    expectEvents(poll(q));
  });

  ruleTest('G30 counts a pending connection that the peer has closed', () => {
    const q = kqueue();
    const place = path('listener');
    const fd = unixSocket();
    libc.bindTo(fd, place);
    libc.listen(fd);
    chg(q, addRead(fd));
    const client = unixSocket();
    libc.connect(client, place);
    close(client);
    expectEvents(get(q, 8, SOON), { ...addRead(fd), data: 1 });
  });
});

describe('Sockets', () => {
  ruleTest('G31 READ reports the number of bytes, TCP and UNIX', () => {
    for (const [a, b] of [socketpair(), tcpPair()]) {
      const q = kqueue();
      chg(q, addRead(a));
      libc.write(b, 1000);
      expectEvents(get(q, 8, SOON), { ...addRead(a), data: 1000 });
      libc.read(a, 999);
      expectEvents(poll(q), { ...addRead(a), data: 1 });
      libc.read(a, 1);
      expectEvents(poll(q));
    }
  });

  ruleTest('G32 a mark below the default is ignored', () => {
    const q = kqueue();
    const [a, b] = socketpair();
    chg(q, { ...addRead(a), fflags: NOTE_LOWAT, data: 0 });
    expectEvents(poll(q));
    libc.write(b, 1);
    expectEvents(poll(q), { ...addRead(a), data: 1 });
    chg(q, { ...read(a), fflags: NOTE_LOWAT, data: -1 });
    expectEvents(poll(q), { ...addRead(a), data: 1 });
  });

  ruleTest.each([536, 20_000])(
    'G32 a mark beyond the buffer fires when it is full: %i at a time',
    (block) => {
      const q = kqueue();
      const [sender, receiver] = tcpPair();
      const mark = { fflags: NOTE_LOWAT, data: 2 ** 30 };
      chg(q, { ...addRead(receiver), ...mark });
      libc.setNonblocking(sender);
      libc.write(sender, 100);
      expectEvents(get(q, 8, 60));
      let events: ReturnType<typeof poll> = [];
      for (let i = 0; i < 40 && events.length === 0; i++) {
        libc.fill(sender, block);
        events = get(q, 8, 100);
      }
      expectEvents(withoutData(events), addRead(receiver));
      expect(events[0].data).toBeGreaterThan(100);
    },
  );

  ruleTest('G32 two registrations of one socket have their own marks', () => {
    const q = kqueue();
    const p = kqueue();
    const [a, b] = tcpPair();
    chg(q, { ...addRead(a), fflags: NOTE_LOWAT, data: 10 });
    chg(p, { ...read(a), flags: EDGE, fflags: NOTE_LOWAT, data: 4 });
    libc.write(b, 5);
    expectEvents(get(p, 8, SOON), { ...read(a), flags: EDGE, data: 5 });
    expectEvents(poll(q));
    libc.write(b, 5);
    expectEvents(get(q, 8, SOON), { ...addRead(a), data: 10 });
  });

  ruleTest("G32 the socket's own low-water mark counts", () => {
    const q = kqueue();
    const [a, b] = tcpPair();
    libc.setOption(a, 'receiveLowat', 8);
    chg(q, addRead(a));
    libc.write(b, 5);
    expectEvents(get(q, 8, 20));
    libc.write(b, 5);
    expectEvents(get(q, 8, SOON), { ...addRead(a), data: 10 });
  });

  ruleTest('G33 reports EOF at once, with the unread bytes', () => {
    const q = kqueue();
    const [a, b] = tcpPair();
    libc.write(b, 4);
    close(b);
    chg(q, { ...addRead(a), fflags: NOTE_LOWAT, data: 100 });
    expectEvents(get(q, 8, SOON), { ...read(a), flags: END, data: 4 });
    libc.read(a, 4);
    expectEvents(poll(q), { ...read(a), flags: END });
  });

  ruleTest('G33 a CLEAR registration fires for bytes and again for EOF', () => {
    for (const [a, b] of [socketpair(), tcpPair()]) {
      const q = kqueue();
      chg(q, { ...read(a), flags: EDGE });
      libc.write(b, 4);
      expectEvents(get(q, 8, SOON), { ...read(a), flags: EDGE, data: 4 });
      libc.shutdown(b, 'WR');
      const flags = EDGE | EV_EOF;
      expectEvents(get(q, 8, SOON), { ...read(a), flags, data: 4 });
      expectEvents(poll(q));
    }
  });

  ruleTest('G34 an empty datagram is an event with data 0', () => {
    const q = kqueue();
    const [a, b] = udpPair();
    chg(q, addRead(a));
    expectEvents(poll(q));
    libc.send(b, 0);
    expectEvents(get(q, 8, SOON), addRead(a));
    libc.recv(a, 10);
    expectEvents(poll(q));
  });

  ruleTest('G37 WRITE reports nothing while the buffer is full', () => {
    for (const [a, b] of [socketpair(), tcpPair()]) {
      const q = kqueue();
      chg(q, addWrite(a));
      const events = poll(q);
      expectEvents(withoutData(events), addWrite(a));
      expect(events[0].data).toBeGreaterThan(0);
      libc.fill(a, 65536);
      expectEvents(poll(q));
      libc.drain(b);
      expectEvents(withoutData(get(q, 8, SOON)), addWrite(a));
    }
  });

  ruleTest('G37 a CLEAR WRITE fires again when a full buffer drains', () => {
    for (const [a, b] of [socketpair(), tcpPair()]) {
      const q = kqueue();
      chg(q, { ...write(a), flags: EDGE });
      expectEvents(withoutData(poll(q)), { ...write(a), flags: EDGE });
      libc.fill(a, 65536);
      expectEvents(poll(q));
      libc.drain(b);
      const events = withoutData(get(q, 8, SOON));
      expectEvents(events, { ...write(a), flags: EDGE });
    }
  });

  ruleTest('G31 counts the bytes beyond the urgent mark', () => {
    for (const flags of [EV_ADD, EDGE]) {
      const q = kqueue();
      const [a, b] = tcpPair();
      const reads = { ...read(b), flags };
      chg(q, reads);
      libc.send(a, 3, libc.MSG_OOB);
      libc.send(a, 5);
      while (libc.poll(b, libc.POLLIN, 1000) === 0);
      expectEvents(get(q, 8, SOON), { ...reads, data: 2 });
      libc.recv(b, 100);
      // The mark is reached now, and counted as the end of what there is.
      libc.send(a, 4);
      expectEvents(get(q, 8, SOON), { ...reads, data: 9 });
      expect(libc.recv(b, 100)).toBe(9);
      expectEvents(poll(q));
    }
  });

  ruleTest('G38 a WRITE mark is reached when the peer has read enough', () => {
    for (const [a, b] of [socketpair(), tcpPair()]) {
      libc.setOption(b, 'receiveBuffer', 4096);
      libc.setOption(a, 'sendBuffer', 100_000);
      const room = kqueue();
      chg(room, addWrite(a));
      const free = (): number => Number(poll(room, 1)[0].data);
      const most = free();
      // So much is under way that the mark is not reached, and no more.
      const MOST_WRITES = 200;
      for (let i = 0; i < MOST_WRITES && free() > most * 0.9; i++) {
        libc.write(a, 4096);
      }
      const q = kqueue();
      chg(q, { ...addWrite(a), fflags: NOTE_LOWAT, data: most * 0.95 });
      expectEvents(poll(q));
      let events = poll(q);
      // TCP acknowledges when it likes.
      const until = performance.now() + SOON;
      while (events.length === 0 && performance.now() < until) {
        libc.drain(b);
        events = poll(q);
      }
      expectEvents(withoutData(events), addWrite(a));
    }
  });

  ruleTest(
    'G42 a CLEAR WRITE with a mark fires once, and again when it is reached again',
    () => {
      for (const [a, b] of [socketpair(), tcpPair()]) {
        const q = kqueue();
        const marked = { ...write(a), flags: EDGE };
        chg(q, { ...marked, fflags: NOTE_LOWAT, data: 1000 });
        expectEvents(withoutData(poll(q)), marked);
        for (let i = 0; i < 3; i++) expectEvents(poll(q));
        libc.fill(a, 65536);
        expectEvents(poll(q));
        libc.drain(b);
        expectEvents(withoutData(get(q, 8, SOON)), marked);
        for (let i = 0; i < 3; i++) expectEvents(poll(q));
        // Without a mark it is as any other.
        chg(q, { ...write(a), flags: 0 });
        expectEvents(withoutData(poll(q)), marked);
        expectEvents(poll(q));
      }
    },
  );

  ruleTest('G32 the mark of a socket is that of the last change', () => {
    const q = kqueue();
    const [a, b] = socketpair();
    chg(q, addRead(a));
    libc.setOption(a, 'receiveLowat', 10);
    chg(q, addRead(a));
    libc.write(b, 5);
    expectEvents(poll(q));
    libc.setOption(a, 'receiveLowat', 2);
    chg(q, addRead(a));
    expectEvents(poll(q), { ...addRead(a), data: 5 });
  });

  ruleTest('G38 a WRITE mark beyond the buffer fires when it is empty', () => {
    for (const [a] of [socketpair(), tcpPair()]) {
      const q = kqueue();
      chg(q, { ...addWrite(a), fflags: NOTE_LOWAT, data: 2 ** 40 });
      expectEvents(withoutData(poll(q)), addWrite(a));
    }
  });

  ruleTest('G39 a fresh UNIX stream socket reports nothing', () => {
    const q = kqueue();
    const fd = unixSocket();
    chg(q, addRead(fd), addWrite(fd));
    expectEvents(poll(q));
  });

  ruleTest('G42 WRITE with CLEAR reports each read of the peer once', () => {
    const q = kqueue();
    const [a, b] = socketpair();
    libc.write(a, 10);
    chg(q, { ...write(a), flags: EDGE });
    expect(poll(q)).toHaveLength(1);
    for (let i = 0; i < 2; i++) {
      libc.read(b, 3);
      expect(poll(q)).toHaveLength(1);
      expect(poll(q)).toEqual([]);
    }
  });

  ruleTest('G39 a listening UNIX stream socket is never writable', () => {
    const q = kqueue();
    const fd = unixSocket();
    libc.bindTo(fd, path('listening'));
    libc.listen(fd);
    chg(q, addWrite(fd));
    expectEvents(poll(q));
    libc.connect(unixSocket(), path('listening'));
    expectEvents(poll(q));
  });

  ruleTest('G39 a fresh socket added with CLEAR fires when connected', () => {
    const q = kqueue();
    const { port } = tcpListener();
    const fd = inetSocket();
    chg(q, { ...read(fd), flags: EDGE }, { ...write(fd), flags: EDGE });
    expectEvents(poll(q));
    libc.connect(fd, port);
    const events = withoutData(get(q, 8, SOON));
    expectEvents(events, { ...write(fd), flags: EDGE });
  });

  ruleTest(
    'G40 shutdown(SHUT_WR) reports EOF on WRITE of a UNIX stream',
    () => {
      const q = kqueue();
      const [a, b] = socketpair();
      chg(q, addWrite(a));
      expect(poll(q)).toHaveLength(1);
      libc.shutdown(a, 'WR');
      expectEvents(withoutData(poll(q)), { ...write(a), flags: END });
      chg(q, addRead(b));
      const events = withoutData(poll(q)).sort((x, y) => y.filter - x.filter);
      expectEvents(
        events,
        { ...read(b), flags: END },
        { ...write(a), flags: END },
      );
    },
  );

  ruleTest('G40 detecting the shutdown has no side effects', () => {
    const q = kqueue();
    const [a, b] = socketpair();
    const [c, d] = socketpair(libc.SOCK_DGRAM);
    chg(q, addWrite(a), addWrite(c), addRead(b), addRead(d));
    for (let i = 0; i < 3; i++) {
      const events = withoutData(poll(q));
      expectEvents(events, addWrite(a), addWrite(c));
    }
    libc.write(a, 2);
    expect(libc.read(b, 8)).toBe(2);
    libc.write(c, 3);
    expect(libc.read(d, 8)).toBe(3);
  });

  ruleTest('G40 a closing TCP peer does not report EOF on WRITE', () => {
    const q = kqueue();
    const [a, b] = tcpPair();
    chg(q, { ...read(a), flags: EDGE });
    close(b);
    expect(get(q, 1, SOON)).toHaveLength(1);
    chg(q, { ...read(a), flags: EV_DELETE }, addWrite(a));
    expectEvents(withoutData(poll(q)), addWrite(a));
  });

  ruleTest('G40 a reset reports EOF on READ and WRITE', () => {
    const q = kqueue();
    const [a, b] = tcpPair();
    chg(q, { ...read(a), flags: EDGE });
    libc.setOption(b, 'linger', 1, 0);
    close(b);
    expect(get(q, 1, SOON)).toHaveLength(1);
    chg(q, { ...read(a), flags: EV_DELETE }, addRead(a), addWrite(a));
    const ends = poll(q).filter(({ flags }) => flags === END);
    expect(ends.map(({ filter }) => filter)).toEqual([
      EVFILT_READ,
      EVFILT_WRITE,
    ]);
  });

  ruleTest('G36 a datagram wakes a blocked call', async () => {
    const q = kqueue();
    const [a, b] = udpPair();
    chg(q, addRead(a));
    const acts = [{ op: 'write', fd: 'b', bytes: 3 }];
    const { result } = await meanwhile({ b }, acts, () => get(q, 1, SOON));
    expectEvents(result, { ...addRead(a), data: 3 });
  });
});

describe('Regular files', () => {
  ruleTest('G50 data is the size minus the offset', () => {
    const q = kqueue();
    const { fd } = file(10);
    chg(q, addRead(fd));
    expectEvents(poll(q), { ...addRead(fd), data: 10 });
    libc.read(fd, 4);
    expectEvents(poll(q), { ...addRead(fd), data: 6 });
    libc.read(fd, 6);
    expectEvents(poll(q));
  });

  ruleTest('G50 data is negative beyond the end', () => {
    const q = kqueue();
    const { fd } = file(10);
    libc.seek(fd, 13);
    chg(q, addRead(fd));
    expectEvents(poll(q), { ...addRead(fd), data: -3 });
  });

  ruleTest('G51 chmod and lseek are events, a read is not', () => {
    const q = kqueue();
    const { fd, at } = file(10);
    const other = open(at, 'r');
    chg(q, { ...read(fd), flags: EDGE }, { ...read(other), flags: EDGE });
    const edge = (ident: number, data: number) => ({
      ...read(ident),
      flags: EDGE,
      data,
    });
    expectEvents(poll(q), edge(fd, 10), edge(other, 10));
    libc.read(fd, 3);
    expectEvents(poll(q));
    chmodSync(at, 0o400);
    expectEvents(poll(q), edge(other, 10), edge(fd, 7));
    libc.seek(fd, 1);
    // The offset was moved back, which every descriptor of the file reports.
    expectEvents(poll(q), edge(other, 10), edge(fd, 9));
  });

  ruleTest('G51 a read to the end is no event, a later lseek is one', () => {
    const q = kqueue();
    const { fd, at } = file(10);
    const other = open(at, 'r');
    chg(q, { ...read(fd), flags: EDGE }, { ...read(other), flags: EDGE });
    expect(poll(q)).toHaveLength(2);
    libc.read(fd, 10);
    expectEvents(poll(q));
    libc.seek(fd, 4);
    expectEvents(
      poll(q),
      { ...read(other), flags: EDGE, data: 10 },
      { ...read(fd), flags: EDGE, data: 6 },
    );
  });

  ruleTest('G51 closing a file is no event, even if VNODE watches it', () => {
    const q = kqueue();
    const { fd, at } = file(10);
    const vnode = { ident: fd, filter: EVFILT_VNODE, fflags: NOTE_WRITE };
    chg(q, { ...read(fd), flags: EDGE }, { ...vnode, flags: EDGE });
    expectEvents(poll(q), { ...read(fd), flags: EDGE, data: 10 });
    closeSync(openSync(at, 'r+'));
    closeSync(openSync(at, 'r'));
    expectEvents(poll(q));
  });

  ruleTest('G51 reports writes, appends and extending truncates', () => {
    const q = kqueue();
    const { fd, at } = file(0);
    const writer = adopt(openSync(at, 'r+'));
    chg(q, { ...read(fd), flags: EDGE });
    const expectRead = (data: number) =>
      expectEvents(poll(q), { ...read(fd), flags: EDGE, data });
    expectEvents(poll(q));
    writeSync(writer, 'ab');
    expectRead(2);
    expectEvents(poll(q));
    writeSync(writer, 'c');
    expectRead(3);
    ftruncateSync(writer, 8);
    expectRead(8);
    expectEvents(poll(q));
  });

  ruleTest('G51 the next call sees an lseek', () => {
    const q = kqueue();
    const { fd } = file(10);
    libc.seek(fd, 10);
    chg(q, addRead(fd));
    expectEvents(poll(q));
    libc.seek(fd, 3);
    expectEvents(poll(q), { ...addRead(fd), data: 7 });
  });

  ruleTest('G51 an append wakes a blocked call', async () => {
    const q = kqueue();
    const { fd, at } = file(0);
    const w = open(at, 'a');
    chg(q, addRead(fd));
    const acts = [{ op: 'write', fd: 'w', bytes: 5 }];
    const { result } = await meanwhile({ w }, acts, () => get(q, 1, SOON));
    expectEvents(result, { ...addRead(fd), data: 5 });
  });

  ruleTest('G51 two registrations of one file report one append', () => {
    const q = kqueue();
    const { fd, at } = file(0);
    const other = open(at, 'r');
    chg(q, addRead(fd), addRead(other));
    libc.write(open(at, 'a'), 2);
    expect(
      poll(q)
        .map(({ ident, data }) => [ident, data])
        .sort(),
    ).toEqual(
      [
        [fd, 2],
        [other, 2],
      ].sort(),
    );
    chg(q, { ...read(fd), flags: EV_DELETE });
    libc.write(open(at, 'a'), 1);
    expectEvents(poll(q), { ...addRead(other), data: 3 });
  });

  ruleTest(
    'G52 a CLEAR WRITE is reported once, and again after a write',
    () => {
      const q = kqueue();
      const fd = open(path('file'), 'w');
      const event = { ...write(fd), flags: EDGE, data: 1 };
      chg(q, { ...write(fd), flags: EDGE });
      expectEvents(poll(q), event);
      expectEvents(poll(q));
      libc.write(fd, 1);
      expectEvents(poll(q), event);
      expectEvents(poll(q));
    },
  );

  ruleTest('G53 does not report EOF for a file', () => {
    const q = kqueue();
    const { fd, at } = file(4);
    chg(q, addRead(fd));
    libc.read(fd, 4);
    ftruncateSync(adopt(openSync(at, 'r+')), 0);
    expectEvents(poll(q), { ...addRead(fd), data: -4 });
  });

  ruleTest('G54 a directory fails with EINVAL', () => {
    const q = kqueue();
    const at = path('folder');
    mkdirSync(at);
    const fd = open(at, 'r');
    expect(refusal(q, addRead(fd))).toBe('EINVAL');
    expect(refusal(q, addWrite(fd))).toBe('EINVAL');
    expect(refusal(q, { ...read(fd), flags: EV_DELETE })).toBe('ENOENT');
  });
});

describe('Terminals and devices', () => {
  ruleTest('G60 the master reports the output of the slave', () => {
    const q = kqueue();
    const { master, slave } = terminal();
    chg(q, addRead(master));
    expectEvents(poll(q));
    libc.writeText(slave, 'hello');
    expectEvents(get(q, 8, SOON), { ...addRead(master), data: 5 });
    libc.read(master, 5);
    expectEvents(poll(q));
  });

  ruleTest('G60 a lone EOF character counts as one byte', () => {
    const q = kqueue();
    const { master, slave } = terminal();
    chg(q, addRead(slave));
    libc.writeText(master, 'abc');
    expectEvents(poll(q));
    libc.writeText(master, '\x15\x04');
    expectEvents(get(q, 8, SOON), { ...addRead(slave), data: 1 });
    expect(libc.read(slave, 8)).toBe(0);
    expectEvents(poll(q));
  });

  ruleTest('G60 an EOF character ends a line and is not counted', () => {
    const q = kqueue();
    const { master, slave } = terminal();
    chg(q, addRead(slave));
    libc.writeText(master, 'abc\x04');
    const events = get(q, 8, SOON);
    expectEvents(withoutData(events), addRead(slave));
    // Darwin counts the EOF character; Linux does not distinguish it from no
    // data.
    expect([3, 4]).toContain(events[0].data);
  });

  ruleTest(
    'G60 a raw terminal reports nothing below VMIN, until read(2) would return',
    () => {
      const q = kqueue();
      const { master, slave } = terminal();
      const raw = ['raw', '-echo', 'min', '5', 'time', '0'];
      execFileSync('stty', raw, { stdio: [slave, 'ignore', 'inherit'] });
      chg(q, { ...addRead(slave), flags: EDGE });
      libc.writeText(master, 'abcd');
      // The end of stty may be signalled only now.
      expectEvents(getThrough(q, 8, 50));
      libc.writeText(master, 'e');
      expectEvents(getThrough(q, 8, SOON), {
        ...read(slave),
        flags: EDGE,
        data: 5,
      });
      expect(libc.read(slave, 8)).toBe(5);
    },
  );

  ruleTest('G60 both sides of a terminal are writable', () => {
    const q = kqueue();
    const { master, slave } = terminal();
    for (const fd of [master, slave]) {
      chg(q, addWrite(fd));
      const events = poll(q);
      expectEvents(withoutData(events), addWrite(fd));
      expect(events[0].data).toBeGreaterThan(0);
      chg(q, { ...write(fd), flags: EV_DELETE });
    }
  });

  ruleTest('G60 reports EOF once the master has closed', () => {
    const q = kqueue();
    const { master, slave } = terminal();
    chg(q, addRead(slave));
    expectEvents(poll(q));
    close(master);
    expectEvents(get(q, 8, SOON), { ...read(slave), flags: END });
  });

  ruleTest(
    'G61 a device that is always ready fails with EINVAL without a mark',
    () => {
      const q = kqueue();
      for (const device of ['/dev/null', '/dev/zero']) {
        const fd = open(device, 'r+');
        for (const add of [addRead(fd), addWrite(fd)]) {
          expect(refusal(q, add)).toBe('EINVAL');
          for (const mark of [
            { fflags: NOTE_LOWAT, data: 2 },
            { fflags: NOTE_LOWAT, data: 2 ** 32 + 1 },
            { data: 1 },
          ]) {
            expect(refusal(q, { ...add, ...mark })).toBe('EINVAL');
          }
        }
      }
    },
  );

  ruleTest('G61 WRITE of a device with a mark of one is always true', () => {
    const q = kqueue();
    const fd = open('/dev/null', 'r+');
    chg(q, { ...addWrite(fd), fflags: NOTE_LOWAT, data: 1 });
    for (let i = 0; i < 2; i++) {
      expectEvents(poll(q), { ...addWrite(fd), data: 1 });
    }
  });

  ruleTest('G62 a terminal ignores a low-water mark', () => {
    const q = kqueue();
    const { master, slave } = terminal();
    chg(q, { ...addRead(slave), fflags: NOTE_LOWAT, data: 100 });
    libc.writeText(master, 'a\n');
    expectEvents(get(q, 8, SOON), { ...addRead(slave), data: 2 });
  });
});
