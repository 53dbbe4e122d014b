import { readFileSync } from 'node:fs';

/** How a process was started, as far as it knows. */
export interface ProcessStart {
  /** The real and the effective user, then group, if the system has them. */
  readonly ids: readonly [number, number, number, number] | undefined;
  readonly execArgv: readonly string[];
  readonly nodeOptions: string | undefined;
  /** Whether the permission model of Node.js is enabled. */
  readonly permission: boolean;
  /** The auxiliary vector that the kernel passed to the process. */
  auxv(): Uint8Array | 'forbidden' | undefined;
  /** The size of a word in it, in bytes. */
  readonly word: 4 | 8;
}

/** Options that harden a program against changes at run time. */
const HARDENING =
  /^--(?:(?:experimental-)?permission|disable-proto|frozen-intrinsics|disallow-code-generation-from-strings)(?:=|$)/;

/** `AT_SECURE` of getauxval(3): set for setuid, setgid and capabilities. */
const AT_SECURE = 23;

function isSecure(auxv: Uint8Array, word: 4 | 8): boolean {
  const view = new DataView(auxv.buffer, auxv.byteOffset, auxv.byteLength);
  const read = (at: number): number =>
    word === 8 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
  for (let at = 0; at + 2 * word <= auxv.byteLength; at += 2 * word) {
    if (read(at) === AT_SECURE) return read(at + word) !== 0;
  }
  return false;
}

/**
 * Why the environment may not choose native code to load; `undefined` if it
 * may. These are the rules of ld.so for `LD_PRELOAD`, and the options of
 * Node.js that restrict a program.
 */
export function findDistrust(start: ProcessStart): string | undefined {
  if (start.ids !== undefined) {
    const [uid, euid, gid, egid] = start.ids;
    if (uid !== euid) return 'the process is setuid';
    if (gid !== egid) return 'the process is setgid';
  }
  if (start.permission) return "Node's permission model is on";
  const options = (start.nodeOptions ?? '').split(/[\s"]+/);
  const flag = [...start.execArgv, ...options].find((option) =>
    HARDENING.test(option.replaceAll('_', '-')),
  );
  if (flag !== undefined) return `Node.js was started with ${flag}`;
  const auxv = start.auxv();
  if (auxv === undefined) return undefined;
  // A process with more privileges than its user may not even read its own
  // vector.
  return auxv === 'forbidden' || isSecure(auxv, start.word)
    ? 'the process has more privileges than its user'
    : undefined;
}

/** How this process was started. */
export const currentStart: ProcessStart = {
  get ids() {
    const { getuid, geteuid, getgid, getegid } = process;
    return getuid && geteuid && getgid && getegid
      ? ([getuid(), geteuid(), getgid(), getegid()] as const)
      : undefined;
  },
  get execArgv() {
    return process.execArgv;
  },
  get nodeOptions() {
    return process.env.NODE_OPTIONS;
  },
  get permission() {
    return 'permission' in process && process.permission !== undefined;
  },
  auxv() {
    if (process.platform !== 'linux') return undefined;
    try {
      return readFileSync('/proc/self/auxv');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === 'EACCES' || code === 'EPERM' ? 'forbidden' : undefined;
    }
  },
  word: process.arch === 'arm' || process.arch === 'ia32' ? 4 : 8,
};
