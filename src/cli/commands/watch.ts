import { type EventIterator, type FileEvent, watchFile } from '../../index.js';
import { several } from '../arguments.js';
import type { Command } from '../command.js';
import { FOLLOW, follow } from '../follow.js';
import { count, type Happening, printable } from '../happening.js';
import { together } from '../together.js';

function happeningOf(event: FileEvent): Happening {
  const { type, path } = event;
  const size = event.type === 'deleted' ? undefined : event.size;
  const detail = size === undefined ? '' : `  ${count(size, 'byte')}`;
  return {
    fields: { event: type, path, size },
    text: `${type.padEnd(10)}  ${printable(path)}${detail}`,
    mood: type === 'deleted' ? 'bad' : type === 'created' ? 'good' : 'plain',
  };
}

async function* changes(
  paths: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Happening> {
  const watches: EventIterator<FileEvent>[] = [];
  try {
    for (const path of paths) watches.push(watchFile(path, { signal }));
    const asks = watches.map((watch) => () => watch.next());
    for await (const event of together(asks)) yield happeningOf(event);
  } finally {
    for (const watch of watches) watch.close();
  }
}

export const watch: Command = {
  name: 'watch',
  usage: 'PATH…',
  summary: 'tell what happens to files and directories',
  help: `A path may be one at which there is nothing yet. It is followed across the
replacement of its file, as editors do it, its removal and its return. Of a
directory it is told that an entry came or went, not which.

  changed     it was written to, or cut; an entry came or went
  attributes  its mode, owner or links changed
  replaced    another file is there
  created     there was nothing, now there is
  deleted     it was unlinked, or renamed

Variables for --exec: KQ_EVENT (one of these), KQ_PATH, KQ_SIZE.`,
  options: FOLLOW,
  run: (parsed, stop) => {
    const paths = several(parsed, 'a path');
    return follow(parsed, (signal) => changes(paths, signal), stop, {
      what: `watching ${count(paths.length, 'path')}`,
    });
  },
};
