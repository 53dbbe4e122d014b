import { constants } from 'node:os';

const names = new Map<number, NodeJS.Signals>();
for (const [name, number] of Object.entries(constants.signals)) {
  // SIGABRT and SIGIOT are one signal, of which the first name is used.
  if (!names.has(number)) names.set(number, name as NodeJS.Signals);
}

/** Node's names of this system's signals, by number. */
export const signalNames: ReadonlyMap<number, NodeJS.Signals> = names;
