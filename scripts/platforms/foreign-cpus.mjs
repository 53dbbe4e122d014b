// Other CPUs, by qemu-user: Debian's Node.js and koffi's build for each. The
// kernel is this machine's own; qemu-user translates the system calls.
import { join } from 'node:path';
import { freshFolder, logOf } from './cache.mjs';
import * as debian from './debian.mjs';
import { putPackage } from './package.mjs';
import { resultOf, together } from './result.mjs';
import { run } from './run.mjs';
import { putSuite } from './suite.mjs';

/** By Node's name: Debian's name, the release with its Node.js, qemu's name. */
const CPUS = {
  arm64: { debian: 'arm64', suite: 'trixie', qemu: 'aarch64' },
  riscv64: { debian: 'riscv64', suite: 'trixie', qemu: 'riscv64' },
  loong64: { debian: 'loong64', suite: 'forky', qemu: 'loongarch64' },
  arm: { debian: 'armhf', suite: 'trixie', qemu: 'arm' },
  ia32: { debian: 'i386', suite: 'trixie', qemu: 'i386' },
};

/** Node.js of another CPU: the command, and its arguments before the script. */
async function emulatedNode({ debian: cpu, suite, qemu }) {
  // That of trixie, whatever the machine has: before version 10 Node.js does
  // not start on riscv64 and loong64.
  const emulator = await debian.unpacked('trixie', debian.HOST_CPU, [
    'qemu-user',
  ]);
  const files = await debian.unpacked(suite, cpu, ['nodejs']);
  return [
    join(emulator, 'usr/bin', `qemu-${qemu}`),
    '-L',
    files,
    join(files, 'usr/bin/node'),
  ];
}

/**
 * The package on a CPU.
 *
 * @returns {Promise<(...args: string[]) => Promise<string>>} runs node with
 *   arguments in the folder of the package, and resolves with what it wrote
 */
export async function packageOn(cpu, folder) {
  const [command, ...before] = await emulatedNode(CPUS[cpu]);
  await putPackage(folder, cpu);
  return async (...args) => {
    const { out } = await run(command, [...before, ...args], {
      minutes: 30,
      cwd: folder,
      log: logOf(cpu),
      env: { KQUEUE_FFI_EMULATED: 'user' },
    });
    return out;
  };
}

/** CPUs on which `--suites` runs the conformance suite: one stands for all. */
const WITH_SUITE = new Set(['arm64']);

async function check(cpu, { suites }) {
  const folder = freshFolder(`package-${cpu}`);
  const node = await packageOn(cpu, folder);
  const out = await node('scripts/runtime-core.mjs');
  const row = { ...resultOf(out, 'core'), out };
  if (!suites || !WITH_SUITE.has(cpu)) return row;
  const more = await node(...(await putSuite(folder)));
  return { ...together(row, resultOf(more, 'conformance')), out: more };
}

export const platforms = ['arm64', 'riscv64', 'loong64']
  .filter((cpu) => cpu !== process.arch)
  .map((name) => ({
    name,
    needs: debian.NEEDS,
    check: (options) => check(name, options),
  }));
