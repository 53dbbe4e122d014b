// Other CPUs, by qemu-user: Debian's Node.js and koffi's build for each. The
// kernel is this machine's own; qemu-user translates the system calls.
import { join } from 'node:path';
import { freshFolder } from './cache.mjs';
import * as debian from './debian.mjs';
import { putPackage } from './package.mjs';
import { resultOf } from './result.mjs';
import { run } from './run.mjs';

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

/** Run a script of the package on a CPU, and return what it wrote. */
export async function runOn(cpu, script) {
  const [command, ...args] = await emulatedNode(CPUS[cpu]);
  const folder = freshFolder(`package-${cpu}`);
  await putPackage(folder, cpu);
  const { out } = await run(command, [...args, script], {
    minutes: 5,
    cwd: folder,
    env: { KQUEUE_FFI_EMULATED: '1' },
  });
  return out;
}

async function check(cpu) {
  const out = await runOn(cpu, 'scripts/runtime-core.mjs');
  return { ...resultOf(out, 'core'), out };
}

export const platforms = ['arm64', 'riscv64', 'loong64']
  .filter((cpu) => cpu !== process.arch)
  .map((name) => ({ name, needs: debian.NEEDS, check: () => check(name) }));
