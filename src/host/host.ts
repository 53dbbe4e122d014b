import {
  type Cpu,
  type KernelFacts,
  type KernelName,
  kernels,
} from '../abi/index.js';
import { currentStart, findDistrust } from './trust.js';

/** The kernel that handles the calls of this process, and why it was chosen. */
export interface KernelChoice {
  /**
   * `'linux'` for the kqueue built into this package; otherwise the kernel whose
   * binary interface is used.
   */
  readonly name: string;
  /** The kernel whose structs, constants and errno numbers are in use. */
  readonly abi: KernelName;
  /** The libraries to try at the first call, in order. */
  readonly libraries: readonly string[];
  /** False if the first call will throw `ERR_KQUEUE_UNSUPPORTED`. */
  readonly supported: boolean;
  /** Why this kernel was chosen, in a sentence. */
  readonly reason: string;
}

/** The native kernels, by `process.platform`. */
const NATIVE: Readonly<Record<string, KernelName>> = {
  darwin: 'darwin',
  freebsd: 'freebsd',
  openbsd: 'openbsd',
  netbsd: 'netbsd',
  dragonfly: 'dragonfly',
};

/** CPUs whose system call numbers on Linux are known. */
const LINUX_CPUS: readonly string[] = ['x64', 'arm64', 'riscv64', 'loong64'];

/** The facts that decide. A parameter, so that tests can try every host. */
export interface Host {
  readonly platform: string;
  readonly arch: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Why the environment may not choose a library. Called only if it does. */
  distrust?(): string | undefined;
}

/** The layout rules of a CPU. All 64-bit CPUs lay these structs out alike. */
export function cpuOf(arch: string): Cpu {
  switch (arch) {
    case 'ia32':
    case 'arm':
    case 'arm64':
      return arch;
    default:
      return 'x64';
  }
}

const isKernel = (name: string | undefined): name is KernelName =>
  name !== undefined && Object.hasOwn(kernels, name);

function chooseOverride(library: string, abi: string | undefined): Decision {
  if (!isKernel(abi)) {
    const names = Object.keys(kernels).join(', ');
    return {
      facts: kernels.darwin,
      choice: {
        name: 'none',
        abi: 'darwin',
        libraries: [library],
        supported: false,
        reason: `KQUEUE_FFI_LIBRARY is set, so KQUEUE_FFI_ABI must be one of ${names}: it is ${abi === undefined ? 'not set' : JSON.stringify(abi)}`,
      },
    };
  }
  const facts = kernels[abi];
  return {
    facts,
    choice: {
      name: facts.name,
      abi: facts.name,
      libraries: [library],
      supported: true,
      reason: `KQUEUE_FFI_LIBRARY names a library, and KQUEUE_FFI_ABI says that its layout is that of ${facts.name}`,
    },
  };
}

interface Decision {
  readonly facts: KernelFacts;
  readonly choice: KernelChoice;
}

function chooseByPlatform(host: Host): Decision {
  const native = Object.hasOwn(NATIVE, host.platform)
    ? kernels[NATIVE[host.platform]]
    : undefined;
  if (native !== undefined) {
    return {
      facts: native,
      choice: {
        name: native.name,
        abi: native.name,
        libraries: native.libraries,
        supported: true,
        reason: `${native.name} has a native kqueue`,
      },
    };
  }
  const isLinux = host.platform === 'linux' || host.platform === 'android';
  const supported = isLinux && LINUX_CPUS.includes(host.arch);
  const reason = supported
    ? 'Linux has no kqueue, so the package uses its own, over epoll, which behaves like Darwin'
    : isLinux
      ? `Linux on ${host.arch} is not known to this library; it is on ${LINUX_CPUS.join(', ')}`
      : `${host.platform} has no kqueue, and none is emulated there`;
  return {
    facts: kernels.darwin,
    choice: {
      name: supported ? 'linux' : 'none',
      abi: 'darwin',
      libraries: [],
      supported,
      reason,
    },
  };
}

/** Choose the kernel from facts about the host, without loading anything. */
export function chooseKernel(host: Host): Decision {
  const library = host.env.KQUEUE_FFI_LIBRARY;
  if (library === undefined || library === '') return chooseByPlatform(host);
  const why = host.distrust?.();
  if (why === undefined) {
    return chooseOverride(library, host.env.KQUEUE_FFI_ABI);
  }
  const { facts, choice } = chooseByPlatform(host);
  const reason = `${choice.reason}; KQUEUE_FFI_LIBRARY is ignored, as ${why}`;
  return { facts, choice: { ...choice, reason } };
}

const hostDecision = chooseKernel({
  platform: process.platform,
  arch: process.arch,
  env: process.env,
  distrust: () => findDistrust(currentStart),
});

/**
 * Whether `KQUEUE_FFI_TRACE` enables the trace. Like the other variables it is
 * ignored in a process that must not trust its environment.
 */
export function isTraced(): boolean {
  const value = process.env.KQUEUE_FFI_TRACE ?? '';
  return (
    value !== '' && value !== '0' && findDistrust(currentStart) === undefined
  );
}

/** The facts of the running kernel; Darwin's on a host without kqueue. */
export const hostFacts: KernelFacts = hostDecision.facts;

/** The layout rules of this machine. */
export const hostCpu: Cpu = cpuOf(process.arch);

/**
 * The kernel that handles the calls, and why it was chosen. It is chosen at import,
 * from the platform and the environment, without loading anything.
 *
 * @example
 * ```ts
 * import { kernel } from 'kqueue-ffi';
 *
 * console.log(`${kernel.name}: ${kernel.reason}`);
 * ```
 */
export const kernel: KernelChoice = Object.freeze(hostDecision.choice);
