import { manyOperands, optionTexts } from '../arguments.js';
import type { Command } from '../command.js';
import { FOLLOW_OPTIONS, follow, RERUN_OPTIONS } from '../follow.js';
import { type EntryFilter, parseFilter } from '../glob.js';
import { createMerged } from '../merge.js';
import { formatCount, type OutputEvent } from '../output-event.js';
import { type PathWatch, watchPath } from '../path-watch.js';
import { collectPaths } from '../paths.js';

async function* changes(
  watches: readonly PathWatch[],
  events: AsyncIterable<OutputEvent | undefined>,
): AsyncGenerator<OutputEvent> {
  try {
    for await (const event of events) if (event !== undefined) yield event;
  } finally {
    for (const watch of watches) watch.close();
  }
}

/** Watch before anything runs that may change the files. */
async function open(
  operands: readonly string[],
  filter: EntryFilter,
  signal: AbortSignal,
): Promise<AsyncIterable<OutputEvent>> {
  const paths = await collectPaths(operands, signal);
  const { add, values } = createMerged<OutputEvent | undefined>();
  const watches = paths.map((path) => watchPath(path, { signal, filter, add }));
  return changes(watches, values);
}

export const watch: Command = {
  name: 'watch',
  usage: 'PATH…',
  summary: 'tell what happens to files and directories',
  help: `A path may be one at which there is nothing yet. It is followed across the
replacement of its file, as editors do it, its removal and its return. Of a
directory its entries are told, by name, and what is written to its files: not
to those of directories within. The path - stands for the paths on standard
input, one per line.

  changed     it was written to, or cut; of an entry, also another file is there
  attributes  its mode, owner or links changed
  replaced    another file is there
  created     there was nothing, now there is
  deleted     it was unlinked, or renamed
  added       the directory has an entry more
  removed     the directory has an entry less

Run a build at each save, or a server that is started anew:

  kq watch src --include '*.[ch]' --exec 'make test'
  find src -name '*.js' | kq watch - --restart --initial --exec 'node app.js'

A pattern without a slash is for the name of an entry, another for its path as
it is printed: * and ? stand for any characters and any one but a slash, ** for
any directories, [a-z] and [!a-z] for one character, {a,b} for either. A leading
dot is like any other character.`,
  variables:
    'KQ_EVENT (one of these, or initial), KQ_PATH, KQ_SIZE; of an entry KQ_DIRECTORY, KQ_NAME and KQ_KIND (file, directory, symlink or other)',
  options: {
    include: {
      type: 'string',
      value: 'GLOB',
      multiple: true,
      help: 'of the entries of directories, tell only of those that match; may be repeated',
    },
    exclude: {
      type: 'string',
      value: 'GLOB',
      multiple: true,
      help: 'of those, not of these; may be repeated',
    },
    ...FOLLOW_OPTIONS,
    ...RERUN_OPTIONS,
  },
  operands: 'file',
  run: (parsed, stop) => {
    const operands = manyOperands(parsed, 'a path');
    const filter = parseFilter(
      optionTexts(parsed, 'include'),
      optionTexts(parsed, 'exclude'),
    );
    return follow(parsed, (signal) => open(operands, filter, signal), stop, {
      what: `watching ${formatCount(operands.length, 'path')}`,
      ownsStdin: operands.includes('-'),
    });
  },
};
