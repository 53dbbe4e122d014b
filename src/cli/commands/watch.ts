import { type EventIterator, type FileEvent, watchFile } from '../../index.js';
import { manyOperands } from '../arguments.js';
import type { Command } from '../command.js';
import { FOLLOW_OPTIONS, follow } from '../follow.js';
import { merge } from '../merge.js';
import {
  escapeControls,
  formatCount,
  type OutputEvent,
} from '../output-event.js';

function toOutputEvent(event: FileEvent): OutputEvent {
  const { type, path } = event;
  const size = event.type === 'deleted' ? undefined : event.size;
  const detail = size === undefined ? '' : `  ${formatCount(size, 'byte')}`;
  return {
    fields: { event: type, path, size },
    text: `${type.padEnd(10)}  ${escapeControls(path)}${detail}`,
    mood: type === 'deleted' ? 'bad' : type === 'created' ? 'good' : 'plain',
  };
}

async function* changes(
  paths: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<OutputEvent> {
  const watches: EventIterator<FileEvent>[] = [];
  try {
    for (const path of paths) watches.push(watchFile(path, { signal }));
    const pulls = watches.map((watch) => () => watch.next());
    for await (const event of merge(pulls)) yield toOutputEvent(event);
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
  options: FOLLOW_OPTIONS,
  run: (parsed, stop) => {
    const paths = manyOperands(parsed, 'a path');
    return follow(parsed, (signal) => changes(paths, signal), stop, {
      what: `watching ${formatCount(paths.length, 'path')}`,
    });
  },
};
