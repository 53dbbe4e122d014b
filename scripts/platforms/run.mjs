// Runs one command to its end, or for so many minutes.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** Each is the leader of a process group. */
const running = new Set();

const killGroup = (pid) => process.kill(-pid, 'SIGKILL');

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.once(signal, () => {
    running.forEach(killGroup);
    process.exit(code);
  });
}

/**
 * Run a command. It is killed with everything it started once its minutes are
 * over, or the script is: an emulator that hangs must not outlive it. `log` is
 * a file that gets what the command writes, as it writes it.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ minutes: number, cwd?: string, env?: NodeJS.ProcessEnv, log?: string }} options
 * @returns {Promise<{ code: number | string, out: string }>}
 */
export function run(command, args, { minutes, cwd, env = {}, log }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    if (child.pid !== undefined) running.add(child.pid);
    const file = log === undefined ? undefined : createWriteStream(log);
    let out = '';
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      killGroup(child.pid);
    }, minutes * 60_000);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        out += text;
        file?.write(text);
      });
    }
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: 'not started', out: String(error) });
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      running.delete(child.pid);
      file?.end();
      const late = isLate ? `nothing after ${minutes} minutes` : undefined;
      resolve({ code: late ?? code ?? signal, out });
    });
  });
}

/** Run a command that has to succeed, and return what it wrote. */
export async function mustRun(command, args, options) {
  const { code, out } = await run(command, args, options);
  if (code === 0) return out;
  const lines = out.trim().split('\n').slice(-5).join('\n');
  throw new Error(`${command} ended with ${code}: ${lines}`);
}

/** Whether a command is in the PATH, or a file is there. */
export function isInstalled(name) {
  if (isAbsolute(name)) return existsSync(name);
  return (process.env.PATH ?? '')
    .split(delimiter)
    .some((folder) => existsSync(join(folder, name)));
}
