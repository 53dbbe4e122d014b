import { type NativeFunction, openLibrary } from './library.js';
import { nativeBlock } from './memory.js';

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
 * Whether the event loop can watch a descriptor, as far as that can be tried:
 * with epolls of our own. Where the loop cannot, for want of memory or of
 * watches, making a handle of it ends the process.
 *
 * @param times How many epolls must be able to watch it at once.
 */
export function canPoll(fd: number, times = 1, calls?: Calls): boolean {
  if (process.platform !== 'linux') return true;
  bound ??= bind();
  const { create, control, close } = calls ?? bound;
  const { address } = nativeBlock(16);
  const epolls: number[] = [];
  let added = 0;
  while (added >= 0 && epolls.length < times) {
    const ep = create?.(CLOEXEC) ?? -1;
    if (ep >= 0) epolls.push(ep);
    added = ep < 0 ? -1 : (control?.(ep, ADD, fd, address) ?? -1);
  }
  for (const ep of epolls) close?.(ep);
  return added >= 0;
}
