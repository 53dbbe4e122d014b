import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  openSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  close,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_WRITE,
  type VnodeNote,
} from 'kqueue-ffi';
import { newId, type Scenario } from './scenario.js';
import type { Mark } from './shared-queue.js';

const NOTES: readonly VnodeNote[] = [
  'write',
  'extend',
  'attrib',
  'link',
  'rename',
  'delete',
];

/** Each change of a file is reported. */
export const files: Scenario = async ({ shared, place, ledger, random }) => {
  const path = join(place.folder, `file${newId()}`);
  const names = [path];
  writeFileSync(path, 'to begin with');
  const fd = openSync(path, 'r');
  const key = { filter: 'vnode', fd } as const;
  let fflags = 0;
  let progress = (): void => {};
  const mark: Mark = {
    what: `file ${fd}`,
    ended: undefined,
    handle(raw) {
      fflags |= raw.fflags;
      progress();
    },
  };
  shared.kq.add({ ...key, notes: NOTES, udata: mark });

  const steps: readonly (() => number | undefined)[] = [
    () => {
      appendFileSync(names[0], 'more');
      return (NOTE_WRITE ?? 0) | (NOTE_EXTEND ?? 0);
    },
    () => {
      // Both may be reported as one change: the file is empty.
      appendFileSync(names[0], 'more');
      truncateSync(names[0], 0);
      return NOTE_ATTRIB;
    },
    () => {
      chmodSync(names[0], random.pick([0o600, 0o640, 0o644]));
      return NOTE_ATTRIB;
    },
    () => {
      const other = `${path}-${newId()}`;
      linkSync(names[0], other);
      names.push(other);
      return NOTE_LINK;
    },
    () => {
      const other = `${path}-${newId()}`;
      renameSync(names[0], other);
      names[0] = other;
      return NOTE_RENAME;
    },
  ];
  const expectNote = async (note: number, what: string): Promise<void> => {
    const reached = new Promise<void>((resolve) => {
      progress = () => {
        if ((fflags & note) === note) resolve();
      };
      progress();
    });
    await ledger.must(reached, `${mark.what}: ${what}`);
    ledger.count('file changes');
  };

  try {
    for (let i = random.int(1, 12); i > 0; i--) {
      fflags = 0;
      const step = random.int(0, steps.length - 1);
      await expectNote(steps[step]() ?? 0, `step ${step}`);
    }
    while (names.length > 1) unlinkSync(names.pop() ?? '');
    unlinkSync(names[0]);
    await expectNote(NOTE_DELETE ?? 0, 'deletion');
    names.length = 0;
  } finally {
    for (const name of names) unlinkSync(name);
    if (random.chance(0.5)) shared.end(mark, key);
    else shared.lose(mark);
    if (random.chance(0.5)) close(fd);
    else closeSync(fd);
  }
};
