// A shared library made without a compiler: real C functions `kqueue`, `kevent`
// and `close` that return at once and have no effect. A call measures only the
// overhead of the FFI.

/** CPUs whose two instructions are known here. */
const MACHINES: Readonly<
  Record<string, { number: number; code: (result: number) => number[] }>
> = {
  x64: {
    number: 62,
    // mov eax, result; ret
    code: (result) => [0xb8, result & 0xff, (result >> 8) & 0xff, 0, 0, 0xc3],
  },
  arm64: {
    number: 183,
    // mov w0, result; ret
    code: (result) => {
      const words = Uint32Array.of(0x52800000 | (result << 5), 0xd65f03c0);
      return [...new Uint8Array(words.buffer)];
    },
  },
};

/** Whether {@link stubLibrary} makes one that this host can load. */
export const canStub = process.platform === 'linux' && process.arch in MACHINES;

/** The descriptor that its `kqueue` returns; its `close` closes nothing. */
export const STUB_FD = 60_000;

const RESULTS: Readonly<Record<string, number>> = {
  kqueue: STUB_FD,
  kevent: 0,
  close: 0,
};

// Large enough for any page size of these CPUs.
const PAGE = 0x10000;
const SYMBOL = 24;
const CODE = 0x800;

/** The content of the library: ELF, one page of code, one of its table. */
export function stubLibrary(): Uint8Array {
  const machine = MACHINES[process.arch];
  const names = Object.keys(RESULTS);
  const bytes = Buffer.alloc(PAGE + 0x100);
  const u32 = (at: number, ...values: number[]): void => {
    bytes.set(new Uint8Array(Uint32Array.from(values).buffer), at);
  };
  const u64 = (at: number, ...values: number[]): void =>
    u32(at, ...values.flatMap((value) => [value, 0]));

  const hash = 0x200;
  const symbols = 0x300;
  const strings = 0x400;
  const text = `\0${names.join('\0')}\0`;
  bytes.write(text, strings, 'latin1');

  // Each function, and the symbol that exports it from section 1.
  names.forEach((name, i) => {
    const at = CODE + 16 * i;
    bytes.set(machine.code(RESULTS[name]), at);
    const symbol = symbols + SYMBOL * (i + 1);
    u32(symbol, text.indexOf(`\0${name}\0`) + 1);
    bytes.set([0x12, 0, 1, 0], symbol + 4);
    u64(symbol + 8, at, 16);
  });
  // One bucket whose chain holds every symbol.
  const count = names.length + 1;
  const chain = names.map((_, i) => (i + 2) % count);
  u32(hash, 1, count, 1, 0, ...chain);

  const dynamic = [
    [4, hash],
    [5, strings],
    [6, symbols],
    [10, text.length],
    [11, SYMBOL],
    [0, 0],
  ];
  u64(PAGE, ...dynamic.flat());

  // The header: a shared object of 64-bit little-endian words.
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.set([3, 0, machine.number, 0, 1], 16);
  u64(32, 64);
  bytes.set([64, 0, 56, 0, 4, 0], 52);

  const READ = 4;
  const WRITE = 2;
  const EXECUTE = 1;
  const size = 16 * dynamic.length;
  const segments = [
    { type: 1, flags: READ | EXECUTE, at: 0, size: 0x1000, align: PAGE },
    { type: 1, flags: READ | WRITE, at: PAGE, size, align: PAGE },
    { type: 2, flags: READ | WRITE, at: PAGE, size, align: 8 },
    // Without it the loader would make the stack executable.
    { type: 0x6474e551, flags: READ | WRITE, at: 0, size: 0, align: 16 },
  ];
  segments.forEach(({ type, flags, at, size: length, align }, i) => {
    const header = 64 + 56 * i;
    u32(header, type, flags);
    u64(header + 8, at, at, at, length, length, align);
  });
  return bytes;
}
