import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from './exec.js';

const FIRST_PAUSE = 5;
const MAX_PAUSE = 100;
/** How long to wait for processes that SIGKILL has ended. */
const REAP_LIMIT = 1000;

/** Send a signal. False if there is no such process. */
function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    // EPERM: the process exists, and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Whether a process of a group is still running, on Linux. A zombie can still
 * be signalled, and is never reaped if process 1 is not an init.
 */
function hasLiveMember(group: number): boolean {
  const states = readdirSync('/proc').map((name) => {
    if (!/^\d+$/.test(name)) return undefined;
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1');
      // The name, in parentheses, may contain anything. It is followed by
      // state, parent, group.
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

  /** Whether a process of the group is still running. */
  get isAlive(): boolean {
    if (this.#hasLeader) return true;
    if (!signalProcess(-this.#id, 0)) return false;
    // While a group exists, no process gets its number. So this is another
    // process.
    if (signalProcess(this.#id, 0)) return false;
    return process.platform !== 'linux' || hasLiveMember(this.#id);
  }

  /** Send a signal to all of its processes. */
  kill(signal: NodeJS.Signals): void {
    if (this.isAlive) signalProcess(-this.#id, signal);
  }

  /**
   * End the group: send SIGTERM, then SIGKILL after a number of milliseconds.
   */
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
      // The exit of the leader is known at once; there is no event for the
      // others.
      await (this.#hasLeader
        ? Promise.race([this.#leader.ended, timeout])
        : timeout);
      timer.abort();
      pause = Math.min(pause * 2, MAX_PAUSE);
    }
    return true;
  }
}
