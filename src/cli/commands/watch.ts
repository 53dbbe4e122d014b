import { type EventIterator, type FileEvent, watchFile } from '../../index.js';
import { manyOperands } from '../arguments.js';
import type { Command } from '../command.js';
import { FOLLOW_OPTIONS, follow, RERUN_OPTIONS } from '../follow.js';
import { merge } from '../merge.js';
import {
  escapeControls,
  formatCount,
  type OutputEvent,
} from '../output-event.js';
import { collectPaths } from '../paths.js';

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
  watches: readonly EventIterator<FileEvent>[],
): AsyncGenerator<OutputEvent> {
  try {
    const pulls = watches.map((watch) => () => watch.next());
    for await (const event of merge(pulls)) yield toOutputEvent(event);
  } finally {
    for (const watch of watches) watch.close();
  }
}

/** Watch before anything runs that may change the files. */
async function open(
  operands: readonly string[],
  signal: AbortSignal,
): Promise<AsyncIterable<OutputEvent>> {
  const paths = await collectPaths(operands, signal);
  return changes(paths.map((path) => watchFile(path, { signal })));
}

export const watch: Command = {
  name: 'watch',
  usage: 'PATH…',
  summary: 'tell what happens to files and directories',
  help: `A path may be one at which there is nothing yet. It is followed across the
replacement of its file, as editors do it, its removal and its return. Of a
directory it is told that an entry came or went, not which. The path - stands
for those on standard input, one per line.

  changed     it was written to, or cut; an entry came or went
  attributes  its mode, owner or links changed
  replaced    another file is there
  created     there was nothing, now there is
  deleted     it was unlinked, or renamed

Run a build at each save, or a server that is started anew:

  kq watch src/main.c --exec 'make test'
  find src -name '*.js' | kq watch - --restart --initial --exec 'node app.js'`,
  variables: 'KQ_EVENT (one of these, or initial), KQ_PATH, KQ_SIZE',
  options: { ...FOLLOW_OPTIONS, ...RERUN_OPTIONS },
  operands: 'file',
  run: (parsed, stop) => {
    const operands = manyOperands(parsed, 'a path');
    return follow(parsed, (signal) => open(operands, signal), stop, {
      what: `watching ${formatCount(operands.length, 'path')}`,
      ownsStdin: operands.includes('-'),
    });
  },
};
