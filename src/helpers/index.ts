import type { Duration, FdLike, SignalName } from '../queue/index.js';
import type { FilePath, FileUrl } from './byte-path.js';
import type { EventIterator, IteratorOptions } from './event-iterator.js';
import type { ExitedOptions, ExitPromise } from './exited.js';
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
 * One queue serves all who wait. A wait keeps the process alive.
 *
 * @param pid The number of a process.
 * @returns How it ended. `code` and `signal` are both null if it did and the
 * kernel does not tell how: on Darwin, of a process that had ended already and is
 * no child, or that this one may not send signals; on Linux, of a stranger's.
 * @throws {TypeError | RangeError} As all of these, as a rejection: for a
 * malformed argument.
 * @throws {KqueueError} `ESRCH` if there is no such process any more;
 * `ETIMEDOUT`; `ERR_KQUEUE_CLOSED` if it was disposed of; else as
 * {@link Kqueue.add}, such as `EMFILE`.
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
 * Tick with a period. On Darwin, FreeBSD and Linux the kernel keeps the beat, so
 * it does not drift however long a turn of the loop takes. If you are too slow
 * for it you get one tick that says how many were missed.
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
 * Tell whenever there is something to read. It is the level that is told: as
 * long as nobody reads, every turn of the loop is told so again. The end of a
 * pipe or socket is told with `eof`; when there is nothing left to read before
 * it, that is the last turn. Darwin reports no end of a FIFO that has a name, and
 * so Linux does not: while a call waits for one, poll(2) is asked ten times a
 * second.
 *
 * Nothing is registered while nobody asks: `await readable(fd).next()` is fine.
 * Close the iterator before the descriptor: no kernel tells who waits that it
 * was closed. What Node itself reads, such as the socket of a `data` listener or
 * the output of a child, it has mostly read before you.
 *
 * @param fd A descriptor, or something that has one, such as a socket.
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
 * Tell whenever there is space to write: as {@link readable} does, which see.
 * That nobody will read any more is told with `eof`, in the last turn.
 *
 * @param fd A descriptor, or something that has one, such as a socket.
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
 * The signals that this process is sent, with how often each came.
 *
 * As long as the iterator is open its signals do nothing else: they do not end
 * the process, as with a listener of `process.on`. Such listeners are called
 * all the same. When it is closed they have their default action again.
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
 * Tell what happens to a path: that its file is written to, replaced by
 * another, removed, made again. Nothing is polled, and a path at which there is
 * nothing is waited for.
 *
 * It is told as what there is compared with what was told before: whoever is
 * slow gets fewer events, but never none for what is different. After each
 * event the file can be read, and what is written later is told again. What
 * was there at the time of the call is told only if it changes.
 *
 * It holds one descriptor: of the file, or while there is none, of the nearest
 * directory above; and one more for each symbolic link that the path leads
 * through. A directory above that is renamed is not noticed until something
 * happens to the file itself, or to the directory that is watched in its stead.
 *
 * @param path A path, a Buffer for a name that is no UTF-8, or a `file:` URL;
 * also of a directory, of which it is told that an entry came or went.
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
