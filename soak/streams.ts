import { once } from 'node:events';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { close, EV_EOF } from 'kqueue-ffi';
import { pipe } from './pipe.js';
import { pause, type Scenario, type Setting } from './scenario.js';
import type { Mark } from './shared-queue.js';

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const buffer = Buffer.alloc(65_536);
const codeOf = (error: unknown): string | undefined =>
  (error as NodeJS.ErrnoException).code;

/** Both ends of a stream. */
interface Ends {
  readonly kind: 'pipe' | 'fifo' | 'tcp' | 'unix';
  readonly reader: number;
  /** Write that many bytes. */
  write(bytes: number): Promise<void>;
  /** Close the writing end. */
  finish(): void;
  /** Close the reading end, by the package or by Node.js. */
  closeReader(how: 'package' | 'node'): void;
  dispose(): void;
}

/** Write into a pipe. The queue reports space. */
async function writeAll(
  { shared, ledger }: Setting,
  fd: number,
  bytes: number,
): Promise<void> {
  for (let left = bytes; left > 0; ) {
    try {
      left -= writeSync(fd, buffer, 0, Math.min(left, buffer.length));
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') throw error;
      const space = new Promise<void>((resolve) => {
        const udata: Mark = {
          what: 'space to write',
          ended: undefined,
          handle: () => resolve(),
        };
        shared.kq.add({ filter: 'write', fd, oneshot: true, udata });
      });
      await ledger.must(space, 'space to write');
    }
  }
}

function pipeEnds(setting: Setting, kind: 'pipe' | 'fifo'): Ends {
  const { place } = setting;
  const path = kind === 'fifo' ? place.takeFifo() : undefined;
  const [reader, writer] =
    path === undefined
      ? pipe()
      : [
          openSync(path, O_RDONLY | O_NONBLOCK),
          openSync(path, O_WRONLY | O_NONBLOCK),
        ];
  let writing = true;
  const finish = (): void => {
    if (writing) close(writer);
    writing = false;
  };
  return {
    kind,
    reader,
    write: (bytes) => writeAll(setting, writer, bytes),
    finish,
    closeReader: (how) =>
      how === 'package' ? close(reader) : closeSync(reader),
    dispose() {
      finish();
      if (path !== undefined) place.giveFifo(path);
    },
  };
}

const fdOf = (socket: Socket): number =>
  (socket as unknown as { _handle: { fd: number } })._handle.fd;

async function socketEnds(
  { place, ledger }: Setting,
  kind: 'tcp' | 'unix',
): Promise<Ends> {
  const [near, far] = await ledger.must(place.connect(kind), 'a connection');
  near.setNoDelay();
  return {
    kind,
    reader: fdOf(far),
    async write(bytes) {
      for (let left = bytes; left > 0; left -= buffer.length) {
        const chunk = buffer.subarray(0, Math.min(left, buffer.length));
        if (near.write(chunk)) continue;
        await ledger.must(once(near, 'drain'), 'drain');
      }
    },
    finish: () => near.end(),
    closeReader: () => far.destroy(),
    dispose: () => near.destroy(),
  };
}

type Mode = 'level' | 'clear' | 'dispatch' | 'oneshot';

const open = (setting: Setting): Promise<Ends> | Ends => {
  const kind = setting.random.pick(['pipe', 'fifo', 'tcp', 'unix'] as const);
  setting.ledger.count(`${kind} streams`);
  return kind === 'pipe' || kind === 'fifo'
    ? pipeEnds(setting, kind)
    : socketEnds(setting, kind);
};

/** All written bytes are reported, and then EOF. */
export const streams: Scenario = async (setting) => {
  const { shared, ledger, random } = setting;
  const ends = await open(setting);
  const fd = ends.reader;
  const mode = random.pick<Mode>(['level', 'clear', 'dispatch', 'oneshot']);
  const portion = mode === 'clear' ? buffer.length : random.int(1024, 65_536);
  const key = { filter: 'read', fd } as const;
  let written = 0;
  let seen = 0;
  let ended = false;
  let progress: () => void = () => {};

  /** Read once. Returns whether there may be more. */
  const read = (): boolean => {
    try {
      const count = readSync(fd, buffer, 0, portion, null);
      seen += count;
      return count > 0;
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') return false;
      throw error;
    }
  };
  const mark: Mark = {
    what: `${mode} read of ${ends.kind} ${fd}`,
    ended: undefined,
    handle(raw) {
      const eof = (raw.flags & EV_EOF) !== 0;
      ledger.check(
        eof || raw.data > 0,
        () => `${mark.what}: an event without bytes`,
      );
      while (read() && mode === 'clear');
      if (eof && seen >= written) ended = true;
      if (mode === 'dispatch') shared.kq.enable(key);
      if (mode === 'oneshot' && !ended) register();
      progress();
    },
  };
  const register = (): void =>
    shared.kq.add({
      ...key,
      clear: mode === 'clear',
      dispatch: mode === 'dispatch',
      oneshot: mode === 'oneshot',
      udata: mark,
    });
  const until = (holds: () => boolean, what: string): Promise<void> => {
    const reached = new Promise<void>((resolve) => {
      progress = () => {
        if (holds()) resolve();
      };
      progress();
    });
    return ledger.must(reached, `${mark.what}: ${what}`);
  };

  register();
  try {
    const chunks = random.int(1, 30);
    const abandoned = random.chance(0.15) ? random.int(1, chunks) : -1;
    for (let i = 0; i < chunks && i !== abandoned; i++) {
      const bytes = random.int(1, random.chance(0.1) ? 300_000 : 8000);
      written += bytes;
      await ends.write(bytes);
      if (random.chance(0.3)) {
        await until(() => seen >= written, `${written} bytes`);
      } else if (random.chance(0.1)) {
        await pause(random.int(0, 3));
      }
    }
    if (abandoned < 0) {
      await until(() => seen >= written, `${written} bytes`);
      ledger.check(
        seen === written,
        () => `${mark.what}: ${seen} bytes of ${written}`,
      );
      ends.finish();
      // EOF of a FIFO is not reported, as on Darwin.
      if (ends.kind !== 'fifo') await until(() => ended, 'the end');
    }
    ledger.count('bytes', seen);
  } finally {
    const spent = mode === 'oneshot' && ended;
    // Closing removes the registration; the queue may have collected an event.
    const how = random.pick(['delete', 'package', 'node'] as const);
    if (how === 'delete' && !spent) {
      shared.lose(mark, true);
      const [{ ok, error }] = shared.kq.apply([{ ...key, op: 'delete' }]);
      // A one-shot that has fired is gone before its event is handled.
      ledger.check(
        ok || (mode === 'oneshot' && error?.code === 'ENOENT'),
        () => `${mark.what}: delete ${error?.code}`,
      );
      if (!ok) shared.lose(mark);
    } else {
      shared.lose(mark);
    }
    ends.closeReader(how === 'node' ? 'node' : 'package');
    ends.dispose();
  }
};
