import { koffi } from './koffi.js';

/** The memory in which a C library stores the errno of this thread. */
export interface ErrnoCell {
  read(): number;
  write(errno: number): void;
}

/**
 * Whether C memory can be an ArrayBuffer here. Electron, and V8 with a sandbox,
 * forbid it; `koffi.view` then throws or ends the process.
 */
function allowsExternalMemory(): boolean {
  const variables: Readonly<Record<string, unknown>> =
    process.config?.variables ?? {};
  return (
    process.versions.electron === undefined &&
    !variables.v8_enable_sandbox &&
    !variables.v8_enable_pointer_compression
  );
}

/** koffi's own errno, which takes four times as long to read. */
const koffiCell: ErrnoCell = {
  read: () => koffi().errno(),
  write: (errno) => {
    koffi().errno(errno);
  },
};

/**
 * Read the errno at an address, or koffi's errno if C memory cannot be read.
 */
export function errnoCell(address: number | undefined): ErrnoCell {
  if (address === undefined || !allowsExternalMemory()) return koffiCell;
  let cell: Int32Array;
  try {
    cell = new Int32Array(koffi().view(BigInt(address), 4));
  } catch {
    // Another embedder that forbids it.
    return koffiCell;
  }
  return {
    read: () => cell[0],
    write: (errno) => {
      cell[0] = errno;
    },
  };
}
