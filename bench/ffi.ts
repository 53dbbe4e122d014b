/**
 * What a call through the FFI costs: run by index.ts in a process of its own,
 * with KQUEUE_FFI_LIBRARY set. Prints its results as JSON.
 */
import koffi from 'koffi';
import { close, KeventList, kernel, kevent, kqueue } from 'kqueue-ffi';
import { type KernelFacts, kernels } from 'kqueue-ffi/abi';
import { type Effort, garbage, measure } from './measure.js';

const { library, ...effort }: Effort & { library: string } = JSON.parse(
  process.argv[2],
);

const events = new KeventList(64);
const kq = kqueue();

/** The same function of the same library, to be called with nothing around. */
function find(): (...args: number[]) => number {
  const exported = koffi.load(library);
  const facts: KernelFacts = kernels[kernel.abi];
  for (const { symbol, counts } of facts.symbols.kevent) {
    const pointer = 'uintptr_t';
    const types = ['int', pointer, counts, pointer, counts, pointer];
    try {
      return exported.func(symbol, 'int', types);
    } catch {
      // NetBSD has two; the newer one is tried first.
    }
  }
  throw new Error(`${library} has no kevent`);
}

const ROOM = 64;
const direct = find();
const memory = new ArrayBuffer(16 + 128 * ROOM);
const at = Number(koffi.address(memory));

const [timing] = measure(
  [
    {
      name: `empty poll of ${kernel.name}`,
      run: (n) => {
        for (let i = 0; i < n; i++) kevent(kq, null, events, 0);
      },
      raw: (n) => {
        for (let i = 0; i < n; i++) direct(kq, 0, 0, at + 16, ROOM, at);
      },
    },
  ],
  effort,
);
const bytes = garbage(() => kevent(kq, null, events, 0));
close(kq);
process.stdout.write(JSON.stringify({ timing, bytes }));
