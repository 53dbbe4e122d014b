import { constants } from 'node:os';

/** The name of a signal, as in `os.constants.signals`. */
export type SignalName = `SIG${string}`;

const names = new Map<number, SignalName>();
for (const [name, number] of Object.entries(constants.signals)) {
  // SIGABRT and SIGIOT are one signal: use the first name.
  if (!names.has(number)) names.set(number, name as SignalName);
}

/** Node's names of this system's signals, by number. */
export const signalNames: ReadonlyMap<number, SignalName> = names;
