import type { Duration, FdLike, SignalName } from '../queue/index.js';
import type { EventIterator, IteratorOptions } from './event-iterator.js';
import type { ExitedOptions, ExitPromise } from './exited.js';
import type { FilePath, FileUrl } from './file-path.js';
import type { Tick } from './interval.js';
import type { ReadReady, WriteReady } from './readiness.js';
import type { SignalCount } from './signals.js';
import type {
  DirectoryEvent,
  DirectoryOptions,
  EntryKind,
} from './watch-directory.js';
import type { FileEvent } from './watch-file.js';

export type {
  DirectoryEvent,
  DirectoryOptions,
  EntryKind,
  EventIterator,
  ExitedOptions,
  ExitPromise,
  FileEvent,
  FilePath,
  FileUrl,
  IteratorOptions,
  ReadReady,
  SignalCount,
  Tick,
  WriteReady,
};

const loadHelpers = (): typeof import('./helpers.js') =>
  require('./helpers.js') as typeof import('./helpers.js');

/**
 * Wait for a process to exit: any process, not only a child. Nothing is taken
 * from it: who waits for its child with `node:child_process` hears of its end
 * as well.
 *
 * All waits share one queue. A wait keeps the process alive.
 *
 * @param pid A process id.
 * @returns How it ended. `code` and `signal` are both null if the kernel does not
 * report how: on Darwin, of a zombie that is no child, or a process that this one may not
 * signal; on Linux before 6.15, of a process that its parent has already reaped.
 * @throws {TypeError | RangeError} For a malformed argument. All errors are
 * rejections.
 * @throws {KqueueError} `ESRCH` if there is no such process; `ETIMEDOUT`;
 * `ERR_KQUEUE_CLOSED` if the promise was disposed of; else as {@link Kqueue.add},
 * such as `EMFILE`.
 * @throws The signal's reason.
 *
 * @example
 * ```ts
 * import { spawn } from 'node:child_process';
 * import { exited } from 'kqueue-ffi';
 *
 * const { pid = 0 } = spawn('sh', ['-c', 'exit 3']);
 * const { code, signal } = await exited(pid, { timeout: 5000 });
 * console.log(code, signal); // 3 null
 * ```
 */
export function exited(pid: number, options: ExitedOptions = {}): ExitPromise {
  return loadHelpers().exited(pid, options);
}

/**
 * Tick with a period. On Darwin, FreeBSD and Linux the kernel keeps the phase, so
 * the interval does not drift, however long a turn of the loop takes. A slow
 * loop gets one tick that says how many it missed.
 *
 * NetBSD, OpenBSD and DragonFly count in ticks of their clock, 10 ms each by
 * default, and round each period up to them: there it drifts. Without timer
 * units (NetBSD before 10, OpenBSD before 7.4, DragonFly) a period is rounded up
 * to whole milliseconds first.
 *
 * @param every The period: milliseconds, fractions allowed, or `{ s }`,
 * `{ ms }`, `{ us }` or `{ ns }`; more than 0. It begins with the call.
 * @throws {TypeError | RangeError} If it is no period, or `signal` no signal.
 * @throws {KqueueError} As {@link kqueue}, such as `EMFILE`.
 *
 * @example
 * ```ts
 * import { interval } from 'kqueue-ffi';
 *
 * for await (const { count, missed } of interval(50)) {
 *   console.log(count, missed);
 *   if (count >= 3) break;
 * }
 * ```
 */
export function interval(
  every: Duration,
  options: IteratorOptions = {},
): EventIterator<Tick> {
  return loadHelpers().interval(every, options);
}

/**
 * Report whenever a descriptor is readable. It is level-triggered: until you read,
 * every iteration reports it again. `eof` marks the end of a pipe or socket; the
 * iterator ends once everything before it is read. Darwin's kernel reports no EOF
 * of a named FIFO, and so on Linux: a pending call for one asks poll(2) ten times
 * a second.
 *
 * Nothing is registered between calls, so `await readable(fd).next()` is fine.
 * Close the iterator before the descriptor: no kernel notifies a pending wait of
 * a close. Data that Node reads itself, such as that of a socket with a `data`
 * listener or the output of a child, is mostly gone before you look.
 *
 * @param fd A descriptor, or an object that has one, such as a socket.
 * @throws {TypeError | RangeError} If `fd` is no descriptor.
 * @throws {KqueueError} In the loop: `EBADF` if it is closed; else as
 * {@link Kqueue.add}.
 *
 * @example
 * ```ts
 * import { readSync } from 'node:fs';
 * import { readable } from 'kqueue-ffi';
 *
 * const buffer = Buffer.alloc(65536);
 * for await (const { fd, available } of readable(0)) {
 *   if (available === 0) continue;
 *   console.log(buffer.toString('utf8', 0, readSync(fd, buffer)));
 * }
 * ```
 */
export function readable(
  fd: FdLike,
  options: IteratorOptions = {},
): EventIterator<ReadReady> {
  return loadHelpers().readable(fd, options);
}

/**
 * Report whenever a descriptor has space to write, like {@link readable}. `eof`
 * means that nobody will read any more; it is the last iteration.
 *
 * @param fd A descriptor, or an object that has one, such as a socket.
 * @throws As {@link readable}.
 *
 * @example
 * ```ts
 * import { writable } from 'kqueue-ffi';
 *
 * const { value } = await writable(1).next();
 * console.log(value?.space);
 * ```
 */
export function writable(
  fd: FdLike,
  options: IteratorOptions = {},
): EventIterator<WriteReady> {
  return loadHelpers().writable(fd, options);
}

/**
 * Report signals that are sent to this process, with a count of each.
 *
 * While the iterator is open, the default action of its signals is suspended: they
 * do not end the process, as with a listener of `process.on`. Such listeners
 * still run. Closing the iterator restores the default action.
 *
 * @param args Signals by name or number, at least one; then options.
 * @throws {TypeError | RangeError} If there is none, or one that is no signal
 * or cannot be caught.
 * @throws {KqueueError} As {@link Kqueue.add}; on Linux `ENOTSUP` in a worker
 * thread, to which Node gives no signals.
 *
 * @example
 * ```ts
 * import { signals } from 'kqueue-ffi';
 *
 * using hangups = signals('SIGHUP', 'SIGUSR2');
 * process.kill(process.pid, 'SIGHUP');
 * for await (const { signal, count } of hangups) {
 *   console.log(signal, count); // SIGHUP 1
 *   break;
 * }
 * ```
 */
export function signals(
  ...args: readonly (SignalName | number)[]
): EventIterator<SignalCount>;
export function signals(
  ...args: readonly [
    ...signals: (SignalName | number)[],
    options: IteratorOptions,
  ]
): EventIterator<SignalCount>;
export function signals(
  ...args: readonly (SignalName | number | IteratorOptions)[]
): EventIterator<SignalCount> {
  return loadHelpers().signals(...args);
}

/**
 * Watch a path across renames: report that its file is written, replaced, removed
 * or created. Nothing is polled, and a missing file is waited for.
 *
 * Each event is the difference between the last event and the present state. A
 * slow consumer gets fewer events, but misses no difference: after each event
 * you can read the file, and later writes are reported again. The state at the
 * time of the call is not reported.
 *
 * It holds one descriptor, of the file or, while it is missing, of the nearest
 * directory above; and one more for each symbolic link on the path. If a
 * directory above is renamed, nothing is reported until the file itself changes.
 *
 * @param path A path, a Buffer for a name that is no UTF-8, or a `file:` URL; for
 * a directory it reports that an entry came or went.
 * @throws {TypeError} If it is no path.
 * @throws What `node:fs` throws: `EACCES` from the call; others, such as `EMFILE`,
 * from the call or, if it happens later, in the loop. A file that may not be read
 * later counts as missing until it may.
 * @throws {KqueueError} As {@link Kqueue.add}.
 *
 * @example
 * ```ts
 * import { renameSync, rmSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { watchFile } from 'kqueue-ffi';
 *
 * const path = join(tmpdir(), `settings-${process.pid}.json`);
 * using events = watchFile(path); // there is none yet
 * writeFileSync(path, '{}');
 * console.log(await events.next()); // created
 * writeFileSync(`${path}.new`, '{"a":1}');
 * renameSync(`${path}.new`, path);
 * console.log(await events.next()); // replaced
 * rmSync(path);
 * console.log(await events.next()); // deleted
 * ```
 */
export function watchFile(
  path: FilePath,
  options: IteratorOptions = {},
): EventIterator<FileEvent> {
  return loadHelpers().watchFile(path, options);
}

/**
 * Report the entries of one directory that are added, removed or changed. Its
 * listing is compared with the last one when the kernel reports a change, so an
 * entry that came and went in between is not reported, and a slow consumer gets
 * fewer events but misses no difference. What is there at the time of the call
 * is not reported.
 *
 * The directory may be removed and made again, or be missing at first. A link
 * to a directory is followed, and switched with it.
 *
 * It holds one descriptor, as {@link watchFile} does. By default the contents of
 * a file are looked at only when an entry comes, goes or is replaced: with
 * `files: true` each regular file is opened too, up to 1,000 of them. Files that
 * this process may not read are left out on Linux.
 *
 * @param path A path, a Buffer for a name that is no UTF-8, or a `file:` URL.
 * @throws {TypeError | RangeError} For a malformed argument.
 * @throws What `node:fs` throws, such as `ENOTDIR` and `EACCES`: from the call,
 * or, if it happens later, in the loop.
 * @throws {KqueueError} `EMFILE` if there are more files than `files` allows;
 * else as {@link Kqueue.add}.
 *
 * @example
 * ```ts
 * import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { watchDirectory } from 'kqueue-ffi';
 *
 * const folder = mkdtempSync(join(tmpdir(), 'inbox-'));
 * using events = watchDirectory(folder);
 * writeFileSync(join(folder, 'letter.txt'), 'hello');
 * const { value } = await events.next();
 * console.log(value?.type, value?.name, value?.kind); // added letter.txt file
 * rmSync(folder, { recursive: true });
 * ```
 */
export function watchDirectory(
  path: FilePath,
  options: DirectoryOptions = {},
): EventIterator<DirectoryEvent> {
  return loadHelpers().watchDirectory(path, options);
}
