import { homedir } from 'node:os';
import { koffi, openFirst } from '../ffi/index.js';
import { kernel as choice, hostCpu, hostFacts } from '../host/index.js';
import { type KeventWords, layoutOf } from '../memory/index.js';
import { errorMessage, type Finding } from './finding.js';

const OVERRIDES = /^KQUEUE_FFI_/;
const OLDEST_NODE = 20;

/** The environment variables of this package that are set. */
export const readOverrides = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env)
      .filter(([name]) => OVERRIDES.test(name))
      .map(([name, value]) => [name, value ?? '']),
  );

/** Replace the home directory in a text. */
export function replaceHome(text: string, home: string = homedir()): string {
  if (home.length < 2) return text;
  const parts = text.split(home);
  return parts.reduce((before, after) =>
    // /home/al is not a prefix of /home/alice.
    /^[\w.-]/.test(after) ? before + home + after : `${before}~${after}`,
  );
}

/** The C library of Linux, if it is known. */
export function libcName(): string | null {
  if (process.platform !== 'linux') return null;
  const report = process.report as
    | { excludeNetwork?: boolean; getReport(): object | string }
    | undefined;
  // Without this option a report may query name servers.
  if (report?.excludeNetwork === undefined) return null;
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  try {
    const { header } = report.getReport() as {
      header: { glibcVersionRuntime?: string };
    };
    const { glibcVersionRuntime: version } = header;
    return version === undefined ? 'not glibc' : `glibc ${version}`;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

/** The runtime and its version. */
export function runtimeName(): string {
  const { bun, deno, node } = process.versions as Record<
    string,
    string | undefined
  >;
  if (bun !== undefined) return `Bun ${bun}`;
  if (deno !== undefined) return `Deno ${deno}`;
  return `Node.js ${node}`;
}

export function examineKernel(): Finding {
  return {
    name: 'kernel',
    ok: choice.supported,
    says: `${choice.reason}.`,
  };
}

export function examineEnvironment(): Finding {
  const { KQUEUE_FFI_LIBRARY: library, ...others } = readOverrides();
  const set = Object.entries({
    ...(library ? { KQUEUE_FFI_LIBRARY: library } : {}),
    ...others,
  });
  const list = set.map(([name, value]) => `${name}=${value}`).join(' ');
  if (set.length === 0) {
    return {
      name: 'environment',
      ok: true,
      says: 'No variable of this package is set.',
    };
  }
  if (!library) {
    const unused = others.KQUEUE_FFI_ABI
      ? ' KQUEUE_FFI_ABI has no effect without KQUEUE_FFI_LIBRARY.'
      : '';
    return { name: 'environment', ok: null, says: `Set: ${list}.${unused}` };
  }
  if (!choice.libraries.includes(library)) {
    return {
      name: 'environment',
      ok: null,
      says: `Set: ${list}. KQUEUE_FFI_LIBRARY is ignored, for the reason given under kernel.`,
    };
  }
  return {
    name: 'environment',
    ok: null,
    says: `Set: ${list}. This library is called instead of the system's. Unset KQUEUE_FFI_LIBRARY if you do not want that.`,
  };
}

export function examineRuntime(): Finding {
  const name = runtimeName();
  const { node } = process.versions;
  const isOld =
    name.startsWith('Node') && Number.parseInt(node, 10) < OLDEST_NODE;
  return {
    name: 'runtime',
    ok: !isOld,
    says: isOld
      ? `${name} is too old: install ${OLDEST_NODE} or newer.`
      : `${name}, ${process.platform} ${process.arch}.`,
  };
}

/** koffi's version, or what is wrong with it. */
export function examineKoffi(): Finding & { readonly version: string | null } {
  try {
    const { version } = koffi() as { version?: string };
    return {
      name: 'koffi',
      ok: true,
      says: `koffi ${version ?? '(unknown version)'} is loaded.`,
      version: version ?? null,
    };
  } catch (error) {
    return {
      name: 'koffi',
      ok: false,
      says: `koffi does not load: ${errorMessage(error)} Install it again, with its optional dependencies, on this platform.`,
      version: null,
    };
  }
}

/** The library that is called, and the symbol of kevent. */
export function examineLibrary(words: KeventWords): Finding & {
  readonly library: string | null;
  readonly symbol: string | null;
} {
  const name = 'library';
  if (choice.name === 'linux') {
    return {
      name,
      ok: true,
      says: 'No kqueue library is called. The package uses its own kqueue, over the C library of the process.',
      library: null,
      symbol: null,
    };
  }
  const { name: library } = openFirst(choice.libraries);
  const symbol =
    hostFacts.symbols.kevent.find(
      ({ struct }) =>
        layoutOf(hostFacts, hostCpu, struct).size === words.layout.size,
    )?.symbol ?? null;
  return {
    name,
    ok: true,
    says: `${library} is called; the symbol of kevent is ${symbol}.`,
    library,
    symbol,
  };
}

/**
 * Our layout of struct kevent. koffi's layout was compared when it was loaded.
 */
export function examineStruct({ layout }: KeventWords): Finding {
  const fields = Object.values(layout.fields)
    .map(({ name, offset }) => `${name} at ${offset}`)
    .join(', ');
  return {
    name: 'struct',
    ok: true,
    says: `struct kevent as in ${hostFacts.name}: ${layout.size} bytes, ${fields}.`,
  };
}
