// Plays the random programs that macOS 15.4's own kernel code answered
// (../fixtures/xnu-11417.jsonl.gz) on the kernel in use, and says step by step
// what came and what should have come. Nothing is left out of the comparison but
// the amount of EVFILT_WRITE, which is only compared with 0: how much a pipe or
// socket holds is the system's own affair.
import {
  fchmodSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  readFileSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { constants as os } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  Kevent64List,
  type KeventInit,
  KeventList,
  KqueueError,
  kevent,
  kevent64,
  type Timeout,
} from '../../src/index.js';
import * as libc from './libc.js';
import * as world from './world.js';

interface RecordedChange {
  readonly ident: string | number;
  readonly filter: number;
  readonly flags: number;
  readonly fflags?: number;
  readonly data?: string;
  readonly udata?: string | number;
}

interface RecordedEvent {
  readonly ident: string;
  readonly filter: number;
  readonly flags: number;
  readonly fflags: number;
  readonly data: string;
  readonly udata: string;
  readonly ext?: readonly string[];
}

interface Step {
  readonly op: string;
  readonly as?: string | readonly string[];
  readonly fd?: string;
  readonly to?: string;
  readonly f?: string;
  readonly n?: number;
  readonly pid?: string;
  readonly st?: number;
  readonly sig?: number;
  readonly ms?: number;
  readonly what?: string;
  readonly args?: readonly number[];
  readonly kq?: string;
  readonly changes?: readonly RecordedChange[];
  readonly nevents?: number;
  readonly timeout?: Timeout;
  readonly list?: boolean;
  readonly aliased?: boolean;
  readonly k64?: boolean;
  readonly kflags?: number;
}

type Result =
  | string
  | number
  | { readonly ret: number; readonly events: readonly RecordedEvent[] }
  | { readonly err: string };

/** One program, and what the kernel answered to each of its steps. */
export interface Recording {
  readonly id: string;
  readonly kind: string;
  readonly steps: readonly Step[];
  readonly results: readonly Result[];
}

/** The programs of a compressed file, a line of JSON each. */
export function recordings(
  file = join(__dirname, '../fixtures/xnu-11417.jsonl.gz'),
): Recording[] {
  const bytes = readFileSync(file);
  const text = file.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  return text
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Recording);
}

const EVFILT_WRITE = -2;

const failure = (error: unknown): { err: string } => {
  if (error instanceof KqueueError || error instanceof libc.LibcError) {
    return { err: error.code };
  }
  throw error;
};

/** A regular file by all the names it has. */
interface File {
  readonly names: string[];
}

class Player {
  readonly #numbers = new Map<string, number>();
  readonly #children = new Map<string, world.Child>();
  readonly #files = new Map<string, File>();
  readonly #queues = new Set<string>();
  #nextName = 0;
  #nextHigh = 400;

  perform(step: Step): Result {
    const { op, as, fd, n = 0 } = step;
    try {
      switch (op) {
        case 'kevent':
          return this.#kevent(step);
        case 'kqueue':
          this.#bindQueue(as, world.kqueue());
          return 'ok';
        case 'pipe':
        case 'sockpair': {
          const ends = op === 'pipe' ? world.pipe() : world.socketpair();
          for (const end of ends) libc.setNonblocking(end);
          const names = as as readonly string[];
          for (const [i, end] of ends.entries()) {
            this.#bindHigh(names[i], end);
          }
          return 'ok';
        }
        case 'dup':
          this.#dup(step);
          return 'ok';
        case 'dupto': {
          const to = this.#fd(step.to);
          this.#bind(as, world.dup2(this.#fd(fd), to));
          return 'ok';
        }
        case 'close':
          world.close(this.#fd(fd));
          return 'ok';
        case 'xclose':
          world.closeElsewhere(this.#fd(fd));
          return 'ok';
        case 'shutwr':
          libc.shutdown(this.#fd(fd), 'WR');
          return 'ok';
        case 'write':
          return String(libc.write(this.#fd(fd), n));
        case 'read':
          return String(libc.readNow(this.#fd(fd), n));
        case 'proc': {
          const child = world.child();
          this.#bind(as, child.pid);
          this.#children.set(as as string, child);
          return 'ok';
        }
        case 'exit':
          this.#exit(step);
          return 'ok';
        case 'sig':
          libc.kill(process.pid, step.sig ?? 0);
          return 'ok';
        case 'sleep':
          world.sleep(step.ms ?? 0);
          return 'ok';
        case 'unusedfd':
          this.#bind(as, libc.unusedNumber(0));
          return 'ok';
        case 'vfile': {
          const name = this.#freshName();
          this.#files.set(as as string, { names: [name] });
          this.#bindHigh(as, world.open(name, 'w+'));
          return 'ok';
        }
        case 'vopen': {
          const { names } = this.#file(step.f);
          this.#files.set(as as string, this.#file(step.f));
          this.#bindHigh(as, world.open(names[0], 'r+'));
          return 'ok';
        }
        case 'vdup':
          this.#files.set(as as string, this.#file(step.f));
          this.#bindHigh(as, world.dup(this.#fd(fd)));
          return 'ok';
        case 'v':
          this.#operate(step);
          return 'ok';
        default:
          throw new Error(`There is no step ${op}`);
      }
    } catch (error) {
      return failure(error).err;
    }
  }

  /** A result in a form in which two can be compared. */
  comparable(result: Result): unknown {
    if (typeof result !== 'object') return String(result);
    if ('err' in result) return result.err;
    return result.events.map((event) => ({
      ...event,
      ident: String(this.#numbers.get(event.ident) ?? event.ident),
      data:
        event.filter === EVFILT_WRITE && (event.flags & 0x4000) === 0
          ? BigInt(event.data) > 0n
          : event.data,
    }));
  }

  #bind(name: Step['as'], number: number): void {
    if (typeof name !== 'string') throw new Error('The step names nothing');
    this.#numbers.set(name, number);
  }

  /**
   * Give a descriptor a number that nothing else will get, neither by chance nor
   * because the kernel under test opens something: which of them share a number
   * is a matter of the program.
   */
  #bindHigh(name: Step['as'], fd: number): void {
    const high = world.dup2(fd, this.#nextHigh++);
    world.closeElsewhere(fd);
    this.#bind(name, high);
  }

  /** The same for a queue, whose low descriptor is freed by its own close. */
  #bindQueue(name: Step['as'], fd: number): void {
    const high = world.dup2(fd, this.#nextHigh++);
    world.adoptQueue(high);
    world.close(fd);
    this.#bind(name, high);
    this.#queues.add(name as string);
  }

  #dup({ fd = '', as }: Step): void {
    const isQueue = this.#queues.has(fd);
    const dup = isQueue ? world.dupQueue : world.dup;
    if (isQueue) {
      this.#bindQueue(as, dup(this.#fd(fd)));
    } else {
      this.#bindHigh(as, dup(this.#fd(fd)));
    }
  }

  #fd(name: string | undefined): number {
    const fd = this.#numbers.get(name ?? '');
    if (fd === undefined) throw new Error(`Nothing is called ${name}`);
    return fd;
  }

  #file(name: string | undefined): File {
    const file = this.#files.get(name ?? '');
    if (file === undefined) throw new Error(`No file is called ${name}`);
    return file;
  }

  #freshName(): string {
    return world.path(`f${this.#nextName++}`);
  }

  /** End a child as the word of wait(2) says. */
  #exit({ pid = '', st = 0 }: Step): void {
    const signal = Object.entries(os.signals).find(
      ([, number]) => number === (st & 0x7f),
    );
    const how = signal === undefined ? st >> 8 : signal[0];
    this.#children.get(pid)?.end(how as number | NodeJS.Signals);
  }

  #operate({ fd, what, args = [] }: Step): void {
    const number = this.#fd(fd);
    const { names } = this.#file(fd);
    switch (what) {
      case 'write': {
        const [at, count] = args;
        writeSync(number, Buffer.alloc(count), 0, count, at);
        break;
      }
      case 'read':
        if (args[0] > 0) readSync(number, Buffer.alloc(args[0]));
        break;
      case 'seek':
        libc.seek(number, args[0]);
        break;
      case 'trunc':
        ftruncateSync(number, args[0]);
        break;
      case 'chmod':
        fchmodSync(number, 0o600);
        break;
      case 'link': {
        const name = this.#freshName();
        linkSync(names[0], name);
        names.push(name);
        break;
      }
      case 'unlink':
        unlinkSync(names.pop() as string);
        break;
      case 'unlinklast':
        for (const name of names.splice(0)) unlinkSync(name);
        break;
      case 'rename': {
        const name = this.#freshName();
        renameSync(names[0], name);
        names[0] = name;
        break;
      }
      case 'utimes':
        futimesSync(number, 1, 1);
        break;
      default:
        throw new Error(`Nothing does ${what} to a file`);
    }
  }

  #kevent(step: Step): Result {
    const { kq, nevents = 0, timeout = null, aliased, list, k64 } = step;
    const changes = (step.changes ?? []).map(
      (change): KeventInit => ({
        ...change,
        ident: this.#numbers.get(`${change.ident}`) ?? integer(change.ident),
        data: integer(change.data ?? 0),
        udata: integer(change.udata ?? 0),
      }),
    );
    const List = k64 ? Kevent64List : KeventList;
    const given =
      (list || aliased) && changes.length > 0 ? List.of(...changes) : changes;
    let events = nevents > 0 ? new List(nevents) : null;
    let changelist: KeventList | KeventInit[] = given;
    if (aliased) {
      events = new List(Math.max(nevents, changes.length, 1));
      for (const change of changes) events.push(change);
      changelist = events;
    }
    const fd = this.#fd(kq);
    try {
      const ret = k64
        ? kevent64(fd, changelist, events, step.kflags ?? 0, timeout)
        : kevent(fd, changelist, events, timeout);
      return { ret, events: entriesOf(events, ret) };
    } catch (error) {
      return failure(error);
    }
  }
}

const integer = (value: string | number): number | bigint =>
  typeof value === 'number' ? value : BigInt(value);

function entriesOf(list: KeventList | null, count: number): RecordedEvent[] {
  return Array.from({ length: list === null ? 0 : count }, (_, i) => {
    const { ident, filter, flags, fflags, data, udata, ext } = (
      list as KeventList
    ).get(i);
    return {
      ident: String(ident),
      filter,
      flags,
      fflags,
      data: String(data),
      udata: String(udata),
      ...(ext === undefined ? {} : { ext: ext.map(String) }),
    };
  });
}

/** The first step that was answered otherwise than recorded. */
export interface Difference {
  readonly step: number;
  readonly actual: unknown;
  readonly expected: unknown;
}

/** Play a program until a step is answered otherwise than recorded. */
export function play({ steps, results }: Recording): Difference | undefined {
  const player = new Player();
  for (const [step, what] of steps.entries()) {
    const actual = player.comparable(player.perform(what));
    const expected = player.comparable(results[step]);
    if (JSON.stringify(actual) !== JSON.stringify(expected)) {
      return { step, actual, expected };
    }
  }
  return undefined;
}
