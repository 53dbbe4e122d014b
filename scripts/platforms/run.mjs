// Runs one command to its end, or for so many minutes.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/**
 * Run a command. It is killed with everything it started once its minutes are
 * over: an emulator that hangs must not outlive the script.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ minutes: number, cwd?: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ code: number | string, out: string }>}
 */
export function run(command, args, { minutes, cwd, env = {} }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let out = '';
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      process.kill(-child.pid, 'SIGKILL');
    }, minutes * 60_000);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        out += text;
      });
    }
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: 'not started', out: String(error) });
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
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
