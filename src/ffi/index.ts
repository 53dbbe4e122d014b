export { backendFd } from './backend-fd.js';
export { childStatus } from './child-status.js';
export { koffi } from './koffi.js';
export { bindLibc, type Libc } from './libc.js';
export { loadError, openFirst, reasonOf } from './library.js';
export { threadDriver, type Watch, watch } from './loop.js';
export { enterLoop, leaveLoop } from './loop-epoll.js';
export { type NativeBlock, nativeBlock } from './native-block.js';
export { loadFfiKernel } from './native-kernel.js';
export { hasHungUp, readableNow } from './poll-now.js';
export { realProcess } from './real-process.js';
export { isSetugid } from './setugid.js';
export {
  type SignalCounter,
  type SignalMessage,
  SignalPipe,
} from './signal-pipe.js';
export { isMainThread, threads } from './thread.js';
export {
  closeFd,
  dupFd,
  eventfdId,
  prepareWakes,
  writeEventfd,
} from './wake.js';
