import { writeFileSync } from 'node:fs';
import { type DoctorReport, doctor as examine } from '../../index.js';
import type { Command } from '../command.js';
import { conformance } from '../conformance.js';
import { EXIT, Failure, UsageError } from '../failure.js';
import { print, printNote } from '../screen.js';
import { wrap } from '../wrap.js';

const DEFAULT_FILE = 'kq-report.json';
const WIDTH = 76;
const MARKS = { true: 'ok', false: 'WRONG', null: '--' } as const;

function show({ ok, version, findings }: DoctorReport): void {
  for (const finding of findings) {
    const mark = MARKS[`${finding.ok}`];
    const [first, ...rest] = wrap(finding.says, WIDTH - 19);
    print(`${mark.padEnd(5)}  ${finding.name.padEnd(11)} ${first}`);
    for (const line of rest) print(`${' '.repeat(19)}${line}`);
  }
  print('');
  print(
    ok
      ? `kqueue-ffi ${version} works here.`
      : `kqueue-ffi ${version} does not work here. \`kq doctor --report\` writes a file to report it with.`,
  );
}

function save(file: string, report: object): void {
  const text = `${JSON.stringify(report, undefined, 2)}\n`;
  if (file === '-') {
    print(text.trimEnd());
    return;
  }
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new Failure(`cannot write the report: ${(error as Error).message}`);
  }
  printNote(`the report is in ${file}`);
}

export const doctor: Command = {
  name: 'doctor',
  usage: '[FILE]',
  summary: 'check that everything works on this machine',
  help: `kq prints the kernel and the library in use. On the running kernel it checks
each field of struct kevent and each unit of time. The exit code is 1 if a
check fails.`,
  options: {
    report: {
      type: 'boolean',
      value: '[FILE]',
      help: `write the findings as JSON, to attach to an issue: to ${DEFAULT_FILE}, to FILE, or with - to standard output. They hold no variables but KQUEUE_FFI_…, and ~ for your home`,
    },
    conformance: {
      type: 'boolean',
      help: 'also run the conformance suite, which takes a minute or more and needs a checkout of the repository',
    },
  },
  operands: 'file',
  run: async (parsed) => {
    const [file = DEFAULT_FILE, ...others] = parsed.operands;
    const wantsReport = parsed.values.report === true;
    if (others.length > 0 || (parsed.operands.length > 0 && !wantsReport)) {
      throw new UsageError(`unexpected argument '${parsed.operands.at(-1)}'`);
    }
    const report = await examine();
    if (!(wantsReport && file === '-')) show(report);
    const suite =
      parsed.values.conformance === true ? await conformance() : undefined;
    if (wantsReport) {
      save(file, { ...report, conformance: suite?.report });
    }
    if (suite !== undefined && suite.code !== 0) return suite.code;
    return report.ok ? EXIT.ok : EXIT.failure;
  },
};
