import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from './exec.js';

const FIRST_PAUSE = 5;
const MAX_PAUSE = 100;
/** How long to wait for what SIGKILL has ended already. */
const REAP_LIMIT = 1000;

/** Send a signal: false if there is nothing to send it to. */
function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    // EPERM: there is something, under another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Whether a member of a group has not ended, on Linux: a zombie that nobody
 * reaps, as where process 1 is no init, can still be signalled.
 */
function hasLiveMember(group: number): boolean {
  const states = readdirSync('/proc').map((name) => {
    if (!/^\d+$/.test(name)) return undefined;
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1');
      // The name, in parentheses, may hold anything. Behind it: state, parent,
      // group.
      const [state, , of] = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return Number(of) === group ? state : undefined;
    } catch {
      return undefined;
    }
  });
  return states.some((state) => state !== undefined && !/[ZX]/.test(state));
}

/** The process group of a command that leads one. */
export class ProcessGroup {
  readonly #leader: Running;
  readonly #id: number;
  #hasLeader = true;

  /** @param leader Started as a leader. */
  constructor(leader: Running) {
    const { pid } = leader.child;
    if (pid === undefined) throw new Error('a command without a process id');
    this.#leader = leader;
    this.#id = pid;
    void leader.ended.then(() => {
      this.#hasLeader = false;
    });
  }

  /** Whether a process of it has not ended. */
  get isAlive(): boolean {
    if (this.#hasLeader) return true;
    if (!signalProcess(-this.#id, 0)) return false;
    // While a group lives, no process gets its number. So it is another's.
    if (signalProcess(this.#id, 0)) return false;
    return process.platform !== 'linux' || hasLiveMember(this.#id);
  }

  /** Send a signal to all of its processes. */
  kill(signal: NodeJS.Signals): void {
    if (this.isAlive) signalProcess(-this.#id, signal);
  }

  /** End it: SIGTERM, then SIGKILL after so many milliseconds. */
  async stop(grace: number): Promise<void> {
    this.kill('SIGTERM');
    if (await this.#hasEndedWithin(grace)) return;
    this.kill('SIGKILL');
    await this.#hasEndedWithin(REAP_LIMIT);
  }

  async #hasEndedWithin(limit: number): Promise<boolean> {
    const end = performance.now() + limit;
    let pause = FIRST_PAUSE;
    while (this.isAlive) {
      const left = end - performance.now();
      if (left <= 0) return false;
      const timer = new AbortController();
      const { signal } = timer;
      const timeout = sleep(Math.min(pause, left), undefined, { signal });
      timeout.catch(() => {});
      // A leader that ends is known at once; for the others there is no event.
      await (this.#hasLeader
        ? Promise.race([this.#leader.ended, timeout])
        : timeout);
      timer.abort();
      pause = Math.min(pause * 2, MAX_PAUSE);
    }
    return true;
  }
}
