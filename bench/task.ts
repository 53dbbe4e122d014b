/** The input and the output of a question's program: see index.ts. */
import type { Effort } from './measure.js';
import type { Table } from './report.js';

export interface Task extends Effort {
  readonly quick: boolean;
  /** The tables that are wanted. */
  readonly wanted: readonly string[];
  /** The library that the FFI is measured over. */
  readonly library?: string;
  /** What that is, if it is one of ours. */
  readonly over?: 'stand-in' | 'nothing';
  /** The same work in C, and the addon, if there is a compiler. */
  readonly program?: string;
  readonly addon?: string;
  /** libkqueue, to be compared with. */
  readonly libkqueue?: string;
}

export const task: Task = JSON.parse(process.argv[2] ?? '{}');

export const wants = (id: string): boolean => task.wanted.includes(id);

export function answer(...tables: readonly Table[]): void {
  process.stdout.write(JSON.stringify(tables));
}
