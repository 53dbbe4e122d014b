import { KqueueError } from '../errors.js';
import {
  kernel as choice,
  hostCpu,
  hostDialect,
  hostFacts,
  isTraced,
} from '../host/index.js';
import {
  type Kernel,
  type KeventWords,
  layoutOf,
  wordsOf,
} from '../memory/index.js';
import { ffi, linux } from './late.js';
import { traced } from './trace.js';

let running: Kernel | undefined;

/**
 * The kernel of this process, loaded at the first use. If a load fails, the
 * next call tries again.
 *
 * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` where there is none,
 * `ERR_KQUEUE_LOAD` where its library cannot be loaded.
 */
export function currentKernel(): Kernel {
  running ??= load();
  return running;
}

function load(): Kernel {
  if (!choice.supported) {
    throw new KqueueError(
      `kqueue is not available here: ${choice.reason}`,
      'ERR_KQUEUE_UNSUPPORTED',
    );
  }
  try {
    const isTainted = isAsked() && ffi().isSetugid();
    if (isTainted && process.env.KQUEUE_FFI_LIBRARY) throw distrust();
    const kernel =
      choice.name === 'linux'
        ? linux().createLinuxKernel()
        : ffi().loadFfiKernel(hostFacts, hostCpu, choice.libraries);
    return isTraced() && !isTainted ? traced(kernel, hostDialect()) : kernel;
  } catch (error) {
    if (error instanceof KqueueError) throw error;
    const { loadError, reasonOf } = ffi();
    throw loadError(reasonOf(error), error);
  }
}

/** Whether the environment requests something that needs trust. */
const isAsked = (): boolean =>
  Boolean(process.env.KQUEUE_FFI_LIBRARY) || isTraced();

const distrust = (): KqueueError =>
  new KqueueError(
    'Cannot load kqueue: the process has more privileges than its user (issetugid), so KQUEUE_FFI_LIBRARY is not allowed. Unset it.',
    'ERR_KQUEUE_LOAD',
  );

let knownWords: KeventWords | undefined;

/**
 * The layout of the running kernel's `struct kevent`. It is known without
 * loading anything, except on NetBSD, where the library shows which of two it
 * is.
 */
export function currentWords(): KeventWords {
  if (knownWords !== undefined) return knownWords;
  const [symbol, ...others] = hostFacts.symbols.kevent;
  // The built-in kernel uses the records of a 64-bit Darwin on any CPU.
  const cpu = choice.name === 'linux' ? 'x64' : hostCpu;
  knownWords =
    others.length > 0 && choice.supported
      ? currentKernel().words
      : wordsOf(layoutOf(hostFacts, cpu, symbol.struct));
  return knownWords;
}

/**
 * The layout of the running kernel's `struct kevent64_s`.
 *
 * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` where there is no kevent64.
 */
export function currentWords64(): KeventWords {
  if (hostFacts.structs.kevent64_s === undefined) {
    throw new KqueueError(
      `kevent64 is not available on ${hostFacts.name}: only Darwin has it`,
      'ERR_KQUEUE_UNSUPPORTED',
      undefined,
      'kevent64',
    );
  }
  const cpu = choice.name === 'linux' ? 'x64' : hostCpu;
  return wordsOf(layoutOf(hostFacts, cpu, 'kevent64_s'));
}
