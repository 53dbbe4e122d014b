import { openLibrary } from './library.js';

/**
 * The descriptor of the main thread's event loop, an epoll or a kqueue; -1 if
 * libuv does not report it.
 */
export function backendFd(): number {
  // Bun exports libuv's names, and ends the process when one is called.
  if ('Bun' in globalThis) return -1;
  const node = openLibrary(null);
  const loop = node.func('uv_default_loop', 'uintptr_t', [])?.() ?? 0;
  const backend = node.func('uv_backend_fd', 'int', ['uintptr_t']);
  return loop === 0 ? -1 : (backend?.(loop) ?? -1);
}
