// Older kernels, started by qemu-system: Debian's cloud kernels with an
// initramfs of this Node.js, busybox and the package.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { freshFolder, logOf } from './cache.mjs';
import * as debian from './debian.mjs';
import { putPackage } from './package.mjs';
import { resultOf, together } from './result.mjs';
import { mustRun, run } from './run.mjs';
import { putSuite } from './suite.mjs';

/** The release of Debian that has the kernel. */
const SUITES = {
  'linux-5.10': 'bullseye',
  'linux-6.1': 'bookworm',
  'linux-6.12': 'trixie',
};

const NEEDS = {
  ...debian.NEEDS,
  'qemu-system-x86_64': 'qemu-system-x86',
  cpio: 'cpio',
  xz: 'xz-utils',
};

/** The first process of the machine: everything there, then off. */
const init = (commands) => `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp KQUEUE_FFI_EMULATED=machine
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /tmp
ip link set lo up
for module in /modules/*; do insmod $module; done
cd /package
# Not to a terminal, whose signals Node.js would listen to.
{
${commands.join('\n')}
} 2>&1 | cat
reboot -f
`;
const CORE = [
  'node scripts/runtime-core.mjs',
  'node dist/cli.js doctor',
  'echo "doctor ended with $?"',
];

/** Copy a program and the libraries it is linked with. */
async function putProgram(folder, from, to) {
  cpSync(from, join(folder, to), { dereference: true });
  const out = await mustRun('ldd', [from], { minutes: 1 });
  for (const [, library] of out.matchAll(/(?:=> |^\t)(\/\S+) \(/gm)) {
    cpSync(library, join(folder, library), { dereference: true });
  }
}

/** What modprobe(8) would load for sock_diag(7): the sockets of AF_UNIX. */
async function putModules(folder, debianFiles) {
  mkdirSync(folder);
  const modules = join(debianFiles, 'lib/modules');
  const found = readdirSync(modules, { recursive: true }).find((path) =>
    path.includes('unix_diag.ko'),
  );
  const to = join(folder, basename(found));
  cpSync(join(modules, found), to);
  if (to.endsWith('.xz')) await mustRun('xz', ['-d', to], { minutes: 1 });
}

async function initramfs(debianFiles, { suites }) {
  const folder = freshFolder('initramfs');
  for (const name of ['bin', 'proc', 'sys', 'dev', 'tmp']) {
    mkdirSync(join(folder, name));
  }
  cpSync(join(debianFiles, 'bin/busybox'), join(folder, 'bin/busybox'));
  await putProgram(folder, process.execPath, 'bin/node');
  await putModules(join(folder, 'modules'), debianFiles);
  const home = join(folder, 'package');
  await putPackage(home, process.arch);
  const commands = [...CORE];
  if (suites) commands.push(`node ${(await putSuite(home)).join(' ')}`);
  writeFileSync(join(folder, 'init'), init(commands));
  chmodSync(join(folder, 'init'), 0o755);
  const file = `${folder}.cpio`;
  const pack = `find . | cpio --quiet -o -H newc > ${JSON.stringify(file)}`;
  await mustRun('sh', ['-c', pack], { minutes: 2, cwd: folder });
  return file;
}

async function check(name, options) {
  const suite = SUITES[name];
  const packages = ['linux-image-cloud-amd64', 'busybox-static'];
  const files = await debian.unpacked(suite, 'amd64', packages);
  const boot = join(files, 'boot');
  const kernel = readdirSync(boot).find((file) => file.startsWith('vmlinuz-'));
  const { out } = await run(
    'qemu-system-x86_64',
    [
      ...['-accel', 'kvm', '-accel', 'tcg,thread=multi'],
      ...['-cpu', 'max', '-smp', '2', '-m', '2048'],
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
      ...['-kernel', join(boot, kernel)],
      ...['-initrd', await initramfs(files, options)],
      ...['-append', 'console=ttyS0 quiet loglevel=0 panic=-1'],
      ...['-serial', 'stdio'],
    ],
    { minutes: options.suites ? 30 : 5, log: logOf(name) },
  );
  const core = resultOf(out, 'core');
  const isSound = /^doctor ended with 0\r?$/m.test(out);
  const row = {
    ...core,
    ok: core.ok && isSound,
    checks: `${core.checks}, doctor ${isSound ? 'ok' : 'failed'}`,
    out,
  };
  return options.suites ? together(row, resultOf(out, 'conformance')) : row;
}

export const platforms = Object.keys(SUITES).map((name) => ({
  name,
  needs: NEEDS,
  isPossible: () =>
    process.arch === 'x64' ? undefined : 'the kernels are those for x64',
  check: (options) => check(name, options),
}));
