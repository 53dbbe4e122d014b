import { statSync } from 'node:fs';
import {
  type DirectoryEvent,
  type EventIterator,
  type FileEvent,
  watchDirectory,
  watchFile,
} from '../index.js';
import type { EntryFilter } from './glob.js';
import type { Pull } from './merge.js';
import {
  escapeControls,
  formatCount,
  type OutputEvent,
  quoteBytes,
} from './output-event.js';
import { printNote } from './screen.js';

const MOODS: Readonly<Record<string, OutputEvent['mood']>> = {
  created: 'good',
  added: 'good',
  deleted: 'bad',
  removed: 'bad',
};

function makeEvent(
  event: FileEvent['type'] | DirectoryEvent['type'],
  path: string,
  fields: OutputEvent['fields'],
  shown = escapeControls(path),
): OutputEvent {
  const { size } = fields;
  const detail =
    typeof size === 'number' ? `  ${formatCount(size, 'byte')}` : '';
  return {
    fields: { event, path, ...fields },
    text: `${event.padEnd(10)}  ${shown}${detail}`,
    mood: MOODS[event] ?? 'plain',
  };
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

const isTooMany = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'EMFILE';

/** A path that is watched. */
export interface PathWatch {
  close(): void;
}

interface Surroundings {
  readonly signal: AbortSignal;
  readonly filter: EntryFilter;
  /**
   * Add a source of events. `undefined` means that there is nothing to report.
   */
  add(pull: Pull<OutputEvent | undefined>): void;
}

/**
 * Watch a path and, while it is a directory, its entries.
 *
 * @throws As {@link watchFile}.
 */
export function watchPath(
  path: string,
  { signal, filter, add }: Surroundings,
): PathWatch {
  const file = watchFile(path, { signal });
  let directory: EventIterator<DirectoryEvent> | undefined;

  const onFileEvent = (event: FileEvent): OutputEvent | undefined => {
    const { type } = event;
    if (directory === undefined) {
      if (isDirectory(path)) openDirectory();
    } else if (type === 'changed') {
      // The entries report which one changed.
      return undefined;
    } else if (type === 'replaced' && !isDirectory(path)) {
      directory.close();
      directory = undefined;
    }
    const size = event.type === 'deleted' ? undefined : event.size;
    return makeEvent(type, path, { size });
  };

  const onEntry = ({ type, name, nameBytes, kind }: DirectoryEvent) => {
    const prefix = `${path.replace(/\/+$/, '')}/`;
    const entry = prefix + name;
    if (!filter(entry, name)) return undefined;
    const fields = { directory: path, name, kind };
    if (nameBytes === undefined) return makeEvent(type, entry, fields);
    // The text of such a name does not identify the file.
    const nameBase64 = Buffer.from(nameBytes).toString('base64');
    const bytes = Buffer.concat([Buffer.from(prefix), nameBytes]);
    const shown = quoteBytes(bytes);
    return makeEvent(type, entry, { ...fields, nameBase64 }, shown);
  };

  /** Continue with names only if there are too many files to open. */
  function openDirectory(): void {
    try {
      pullFrom(watchDirectory(path, { signal, files: true }));
    } catch (error) {
      if (!isTooMany(error)) throw error;
      openNames();
    }
  }

  function openNames(): void {
    printNote(
      `${escapeControls(path)} has too many files to open: kq reports names, but no writes`,
    );
    pullFrom(watchDirectory(path, { signal }));
  }

  function pullFrom(source: EventIterator<DirectoryEvent>): void {
    directory = source;
    add(async () => {
      try {
        const result = await source.next();
        if (result.done) return result;
        return { done: false, value: onEntry(result.value) };
      } catch (error) {
        if (!isTooMany(error)) throw error;
        openNames();
        // The name does not show that it is a new file.
        return { done: false, value: makeEvent('changed', path, {}) };
      }
    });
  }

  if (isDirectory(path)) openDirectory();
  add(async () => {
    const result = await file.next();
    if (result.done) return result;
    return { done: false, value: onFileEvent(result.value) };
  });
  return {
    close() {
      file.close();
      directory?.close();
    },
  };
}
