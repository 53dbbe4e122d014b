import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Change,
  Kqueue,
  type KqueueEvent,
  type Step,
} from '../../src/index.js';
import { printedBy } from '../support/child.js';
import { onLinux } from '../support/fds.js';

let kq: Kqueue;
let folder: string;

beforeEach(() => {
  kq = new Kqueue();
  folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
});

afterEach(() => {
  kq.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The event of a filter, and of no other. */
function only<Filter extends KqueueEvent['filter']>(
  filter: Filter,
  event: KqueueEvent | undefined,
): Extract<KqueueEvent, { filter: Filter }> {
  if (event?.filter !== filter) throw new Error(`a ${event?.filter} event`);
  return event as Extract<KqueueEvent, { filter: Filter }>;
}

const soon = { timeout: 5000 };

describe('vnode', () => {
  let path: string;
  let fd: number;

  beforeEach(() => {
    path = join(folder, 'file');
    writeFileSync(path, 'one');
    fd = openSync(path, 'r');
  });

  afterEach(() => closeSync(fd));

  const notes = async (): Promise<readonly string[]> =>
    only('vnode', await kq.next(soon)).notes;

  test('reports changes of an open file by name', async () => {
    kq.add({
      filter: 'vnode',
      fd,
      notes: ['write', 'extend', 'attrib', 'link', 'rename', 'delete'],
      udata: path,
    });
    appendFileSync(path, 'two');
    expect(await notes()).toEqual(expect.arrayContaining(['write', 'extend']));
    chmodSync(path, 0o600);
    expect(await notes()).toEqual(['attrib']);
    linkSync(path, `${path}2`);
    expect(await notes()).toEqual(['link']);
    renameSync(path, `${path}3`);
    expect(await notes()).toEqual(['rename']);
    unlinkSync(`${path}3`);
    expect(await notes()).toEqual(expect.arrayContaining(['delete']));
  });

  test('reports a change once, and only the requested changes', async () => {
    kq.add({ filter: 'vnode', fd, notes: 'rename' });
    appendFileSync(path, 'two');
    expect(kq.poll()).toEqual([]);
    renameSync(path, `${path}2`);
    expect(await notes()).toEqual(['rename']);
    expect(await kq.next({ timeout: 10 })).toBeUndefined();
  });

  test('continues with the open file after it was replaced at its path', async () => {
    kq.add({ filter: 'vnode', fd, notes: ['delete', 'write'] });
    writeFileSync(`${path}.new`, 'saved by an editor');
    renameSync(`${path}.new`, path);
    expect(await notes()).toEqual(expect.arrayContaining(['delete']));
  });

  test('can be disabled and enabled without losing its notes', async () => {
    kq.add({ filter: 'vnode', fd, notes: ['write', 'extend'] });
    kq.disable({ filter: 'vnode', fd });
    kq.enable({ filter: 'vnode', fd });
    appendFileSync(path, 'two');
    expect(await notes()).toEqual(expect.arrayContaining(['write']));
  });

  test('accepts a FileHandle', async () => {
    await using handle = await open(path, 'r+');
    kq.add({ filter: 'vnode', fd: handle, notes: ['write', 'extend'] });
    truncateSync(path, 0);
    await handle.write('four');
    expect(only('vnode', await kq.next(soon)).fd).toBe(handle.fd);
  });
});

describe('proc', () => {
  const child = (script: string) =>
    spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'] });

  test('reports the exit code of a child', async () => {
    const process = child('read line; exit 7');
    const pid = process.pid ?? 0;
    kq.add({ filter: 'proc', pid, notes: ['exit', 'exitstatus'], udata: 'c' });
    process.stdin.end('go\n');
    const event = only('proc', await kq.next(soon));
    expect(event).toMatchObject({ pid, udata: 'c' });
    expect(event.notes).toContain('exit');
    expect(event.exit).toEqual({ code: 7, signal: null });
    expect(kq.size).toBe(0);
  });

  test('reports the signal that killed it', async () => {
    const process = child('read line');
    const pid = process.pid ?? 0;
    kq.add({ filter: 'proc', pid, notes: ['exit', 'exitstatus'] });
    process.kill('SIGKILL');
    const event = only('proc', await kq.next(soon));
    expect(event.exit).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test.each([
    ['exit 3', { code: 3, signal: null }],
    ['kill -TERM $$', { code: null, signal: 'SIGTERM' }],
  ])(
    'reports code and signal if only exit was requested: %s',
    async (end, exit) => {
      const process = child(`read line; ${end}`);
      const pid = process.pid ?? 0;
      kq.add({ filter: 'proc', pid, notes: ['exit'] });
      // The same by all other changes.
      kq.add({ filter: 'proc', pid, notes: 'exit' });
      kq.disable({ filter: 'proc', pid });
      kq.modify({ filter: 'proc', pid, notes: 'exit' });
      kq.enable({ filter: 'proc', pid });
      process.stdin.end('go\n');
      const event = only('proc', await kq.next(soon));
      expect(event.exit).toEqual(exit);
      expect(event.notes).toEqual(['exit']);
    },
  );

  onLinux(
    'rejects a descriptor that a filter cannot watch, and names what it can',
    () => {
      const messageOf = (change: Change): string => {
        const [{ error }] = kq.apply([{ op: 'add', ...change }]);
        return `${error?.message}`;
      };
      const fd = openSync('/dev/null', 'r');
      expect([
        messageOf({ filter: 'read', fd }),
        messageOf({ filter: 'write', fd }),
        messageOf({ filter: 'except', fd }),
        messageOf({ filter: 'vnode', fd: kq, notes: 'write' }),
      ]).toEqual([
        `kevent EINVAL: add read ${fd} (it watches only files, pipes, sockets, terminals and queues)`,
        `kevent EINVAL: add write ${fd} (it watches only files, pipes, sockets and terminals)`,
        `kevent EINVAL: add except ${fd} (it watches only sockets)`,
        `kevent EINVAL: add vnode ${kq.fd} (it watches only files, directories, FIFOs and devices)`,
      ]);
      closeSync(fd);
    },
  );

  onLinux('rejects fork alone on a new and on an existing registration', () => {
    const process = child('read line');
    const pid = process.pid ?? 0;
    const fork = { filter: 'proc', pid, notes: 'fork' } as const;
    const messages = ['add', 'add', 'modify'].map((op) => {
      const [{ error }] = kq.apply([{ ...fork, op } as Step]);
      kq.add({ filter: 'proc', pid, notes: ['exit', 'fork'] });
      return error?.message.replace(op, 'OP');
    });
    expect(new Set(messages)).toEqual(
      new Set([
        `kevent ENOTSUP: OP proc ${pid} (Linux reports only the exit of a process: add the note exit)`,
      ]),
    );
    expect(kq.size).toBe(1);
    process.kill();
  });

  test('an unknown process fails with ESRCH', async () => {
    const process = child('exit 0');
    const pid = process.pid ?? 0;
    await once(process, 'exit');
    expect(() => kq.add({ filter: 'proc', pid, notes: 'exit' })).toThrow(
      expect.objectContaining({ code: 'ESRCH' }),
    );
    expect(kq.size).toBe(0);
  });

  test('a process that exits at once is always reported, by an event or ESRCH', async () => {
    for (let i = 0; i < 20; i++) {
      const process = child('exit 0');
      const pid = process.pid ?? 0;
      try {
        kq.add({ filter: 'proc', pid, notes: 'exit' });
      } catch (error) {
        expect(error).toMatchObject({ code: 'ESRCH' });
        continue;
      }
      expect(only('proc', await kq.next(soon)).pid).toBe(pid);
    }
  });

  test('waits for a grandchild', async () => {
    // The shell prints the pid of its child and exits.
    const shell = spawn('sh', ['-c', 'cat <&3 >/dev/null & echo $!'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    });
    const [text] = await once(shell.stdout as Socket, 'data');
    const pid = Number(String(text));
    kq.add({ filter: 'proc', pid, notes: 'exit', udata: 'not mine' });
    (shell.stdio[3] as Socket).end();
    expect(await kq.next(soon)).toMatchObject({ pid, udata: 'not mine' });
  });
});

test('a signal is an event with its name, and its handlers still run', async () => {
  expect(await printedBy('queue/filters', 'signal')).toEqual(
    expect.arrayContaining(['handler', ['signal', 'SIGUSR2', true, 'u']]),
  );
});

describe('sockets', () => {
  test('accepts a socket and a server of Node.js', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const accepted = once(server, 'connection');
    const client = connect(port, '127.0.0.1');
    await once(client, 'connect');
    const [peer] = (await accepted) as [Socket];
    peer.on('error', () => {});
    peer.pause();
    kq.add({ filter: 'write', fd: client, oneshot: true, udata: 'client' });
    expect(await kq.next(soon)).toMatchObject({ filter: 'write' });
    kq.add({ filter: 'read', fd: server, udata: 'server' });
    kq.delete({ filter: 'read', fd: server });
    client.destroy();
    peer.destroy();
    server.close();
    expect(() => kq.add({ filter: 'read', fd: client })).toThrow(TypeError);
  });

  test('the end of a stream is EOF while bytes are left', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end('bye');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const client = connect(port, '127.0.0.1');
    client.on('error', () => {});
    client.pause();
    await once(client, 'connect');
    kq.add({ filter: 'read', fd: client, lowWater: 3 });
    for (let i = 0; i < 1000; i++) {
      const event = only('read', await kq.next(soon));
      if (!event.eof) continue;
      expect(event).toMatchObject({ available: 3, error: undefined });
      break;
    }
    kq.delete({ filter: 'read', fd: client });
    client.destroy();
    server.close();
  });
});
