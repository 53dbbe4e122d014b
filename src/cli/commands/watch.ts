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

/** Start watching before anything runs that may change the files. */
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
  summary: 'print changes of files and directories',
  help: `The path does not have to exist yet. kq follows it across atomic saves of
editors, and while the file is deleted. For a directory it reports the entries
by name, and writes to its files. It does not descend into subdirectories. The
path - stands for the paths on standard input, one per line.

  changed     the file was written or truncated; an entry is another file
  attributes  its mode, owner or link count changed
  replaced    another file is at the path
  created     the file appeared
  deleted     the file was unlinked, or renamed
  added       an entry appeared in the directory
  removed     an entry disappeared from the directory

Run a build after each save, or restart a server:

  kq watch src --include '*.[ch]' --exec 'make test'
  find src -name '*.js' | kq watch - --restart --initial --exec 'node app.js'

A GLOB without a slash is matched against the name of an entry, a GLOB with a
slash against its path as printed. * matches any characters and ? any single
character, except a slash. ** matches any directories, [a-z] and [!a-z] one
character, {a,b} either. A leading dot is like any other character.`,
  variables:
    'KQ_EVENT (an event, or initial), KQ_PATH, KQ_SIZE; for an entry KQ_DIRECTORY, KQ_NAME and KQ_KIND (file, directory, symlink or other), and KQ_NAMEBASE64 if its name is not UTF-8',
  options: {
    include: {
      type: 'string',
      value: 'GLOB',
      multiple: true,
      help: 'report only entries of directories that match; may be repeated',
    },
    exclude: {
      type: 'string',
      value: 'GLOB',
      multiple: true,
      help: 'do not report entries that match; may be repeated',
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
