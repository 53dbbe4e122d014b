import { type NativeFunction, openLibrary } from './library.js';
import { nativeBlock } from './native-block.js';

const CLOEXEC = 0x80000;
const ADD = 1;

interface Calls {
  create: NativeFunction | undefined;
  control: NativeFunction | undefined;
  close: NativeFunction | undefined;
}

let bound: Calls | undefined;

function bind(): Calls {
  const library = openLibrary(null);
  return {
    create: library.func('epoll_create1', 'int', ['int']),
    control: library.func('epoll_ctl', 'int', [
      'int',
      'int',
      'int',
      'uintptr_t',
    ]),
    close: library.func('close', 'int', ['int']),
  };
}

/**
 * Which of some descriptors the event loop cannot watch together, besides all
 * it watches already, as far as that can be tried: with an epoll of our own.
 * Where the loop cannot, for want of memory or of watches, making a handle of
 * it ends the process.
 *
 * @returns Their indices.
 */
export function refusedOf(
  fds: readonly number[],
  calls?: Calls,
): readonly number[] {
  if (process.platform !== 'linux' || fds.length === 0) return [];
  bound ??= bind();
  const { create, control, close } = calls ?? bound;
  const all = fds.map((_, index) => index);
  const ep = create?.(CLOEXEC) ?? -1;
  if (ep < 0) return all;
  const { address } = nativeBlock(16);
  const refused = all.filter(
    (index) => (control?.(ep, ADD, fds[index], address) ?? -1) < 0,
  );
  close?.(ep);
  return refused;
}
