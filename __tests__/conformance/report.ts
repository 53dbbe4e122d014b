// What the run of the suite comes to: counts per section, the deviations with
// their reasons, and the page that says so.
import { arch, release, type } from 'node:os';
import { kernel } from '../../src/index.js';
import { caseDeviations, traceDeviations } from './deviations.js';
import type { Note } from './journal.js';

export interface Result {
  readonly file: string;
  readonly title: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly message: string;
}

interface Section {
  readonly name: string;
  readonly passed: number;
  readonly deviating: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Deviation {
  readonly what: string;
  readonly rule: string;
  readonly reason: string;
}

export interface Report {
  readonly kernel: string;
  readonly abi: string;
  readonly host: string;
  readonly node: string;
  readonly sections: readonly Section[];
  readonly deviations: readonly Deviation[];
  readonly skipped: readonly { readonly title: string; readonly why: string }[];
  readonly failures: readonly {
    readonly title: string;
    readonly message: string;
  }[];
  readonly findings: readonly NonNullable<Note['finding']>[];
}

const CASES: Readonly<Record<string, string>> = {
  C: 'C: the call',
  T: 'T: touching a registration',
  D: 'D: delivery',
  Q: 'Q: the queue',
  F: 'F: closed descriptors',
  R: 'R: READ, WRITE, EXCEPT',
  V: 'V: VNODE',
  M: 'M: TIMER',
  U: 'U: USER',
  S: 'S: SIGNAL',
  P: 'P: PROC',
  O: 'O: order and load',
};

const TRACES: Readonly<Record<string, string>> = {
  X: 'traces X: combinations',
  Z: 'traces Z: random programs',
};

const OTHERS: Readonly<Record<string, string>> = {
  'rules-call': 'rules A to D: the call',
  'rules-delivery': 'rules E, F, T: delivery',
  'rules-io': 'rules G: READ and WRITE',
  'rules-readiness': 'rule B6: what poll(2) says',
  'rules-timer': 'rules J: TIMER',
  'rules-user': 'rules K: USER',
  'rules-vnode': 'rules I: VNODE',
  recordings: 'recordings: random programs',
  sequences: 'model: random programs',
  limits: 'limits and file systems',
};

const ORDER = [
  ...Object.values(CASES),
  'traces of the cases',
  ...Object.values(TRACES),
  ...Object.values(OTHERS),
];

/** Which row of the table a test belongs to. */
function sectionOf({ file, title }: Result): string {
  const name = file.replace(/^.*\//, '').replace('.test.ts', '');
  const letter = /^([A-Z])\d/.exec(title)?.[1] ?? '';
  if (name === 'traces') {
    if (letter === '') return 'about the suite';
    return TRACES[letter] ?? 'traces of the cases';
  }
  if (name.startsWith('cases-')) return CASES[letter] ?? 'other rules';
  return OTHERS[name] ?? name.replaceAll('-', ' ');
}

const idOf = (title: string): string =>
  /^[A-Z]\d+(-\w+)?/.exec(title)?.[0] ?? '';

const here = caseDeviations.filter((row) => row.kernel === kernel.name);
const tracesHere = traceDeviations.filter((row) => row.kernel === kernel.name);

function isDeviating({ file, title, status }: Result): boolean {
  if (status !== 'passed' || !title.includes(' deviates')) return false;
  const id = idOf(title);
  return file.startsWith('traces')
    ? tracesHere.some(({ trace }) => trace === id)
    : file.startsWith('cases-') && here.some((row) => row.case === id);
}

const GATE = / \[gate: (.*)\]$/;

export function reportOf(
  all: readonly Result[],
  findings: Report['findings'],
): Report {
  const sections = new Map<string, Result[]>();
  for (const result of all) {
    const name = sectionOf(result);
    sections.set(name, [...(sections.get(name) ?? []), result]);
  }
  const place = (name: string): number =>
    ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length;
  const count = (results: readonly Result[], status: Result['status']) =>
    results.filter((result) => result.status === status).length;
  return {
    kernel: kernel.name,
    abi: kernel.abi,
    host: `${type()} ${release().split('.').slice(0, 2).join('.')}, ${arch()}`,
    node: process.version,
    sections: [...sections]
      .sort(([a], [b]) => place(a) - place(b) || (a < b ? -1 : Number(a > b)))
      .map(([name, results]) => {
        const deviating = results.filter(isDeviating).length;
        return {
          name,
          passed: count(results, 'passed') - deviating,
          deviating,
          failed: count(results, 'failed'),
          skipped: count(results, 'skipped'),
        };
      }),
    deviations: [
      ...here.map((row) => ({ ...rest(row), what: `case ${row.case}` })),
      ...tracesHere.map((row) => ({
        ...rest(row),
        what: `trace ${row.trace}, step ${Object.keys(row.steps).join(', ')}`,
      })),
    ],
    skipped: all
      .filter(({ status }) => status === 'skipped')
      .map(({ title }) => ({
        title: title.replace(GATE, ''),
        why: GATE.exec(title)?.[1] ?? 'left out',
      }))
      .sort((a, b) => (a.title < b.title ? -1 : 1)),
    failures: all
      .filter(({ status }) => status === 'failed')
      .map(({ title, message }) => ({ title, message }))
      .sort((a, b) => (a.title < b.title ? -1 : 1)),
    findings,
  };
}

const rest = ({ rule, reason }: { rule: string; reason: string }) => ({
  rule,
  reason,
});

const COLUMNS = ['passed', 'deviating', 'failed', 'skipped'] as const;

function rows({ sections }: Report): [string, ...number[]][] {
  const total = COLUMNS.map((column) =>
    sections.reduce((sum, section) => sum + section[column], 0),
  );
  return [
    ...sections.map((section): [string, ...number[]] => [
      section.name,
      ...COLUMNS.map((column) => section[column]),
    ]),
    ['all', ...total],
  ];
}

/** The table for a terminal. */
export function table(report: Report): string[] {
  const WIDTH = 32;
  const line = (name: string, cells: readonly (string | number)[]): string =>
    name.padEnd(WIDTH) +
    cells.map((cell) => String(cell).padStart(10)).join('');
  return [
    `kernel ${report.kernel} (${report.abi}) on ${report.host}, Node ${report.node}`,
    line('', COLUMNS),
    ...rows(report).map(([name, ...cells]) => line(name, cells)),
  ];
}

const cell = (text: string): string =>
  text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const row = (...cells: readonly (string | number)[]): string =>
  `| ${cells.map((text) => cell(String(text))).join(' | ')} |`;

/** Link a rule to its text. */
const linked = (text: string): string =>
  text.replace(
    /^Q\d+(?:\.\d+)?/,
    (rule) => `[${rule}](rules.md#${rule.toLowerCase().replace('.', '-')})`,
  );

/** The page for the docs. */
export function page(report: Report): string {
  const { deviations, skipped, failures, findings } = report;
  const lines = [
    '# Conformance',
    '',
    '<!-- Written by `npm run conformance`. -->',
    '',
    `Run on ${report.host}, with Node ${report.node}. The kernel under test`,
    report.kernel === 'linux'
      ? 'is the kqueue built into this library, which behaves as Darwin does.'
      : `is ${report.kernel}, whose binary interface is ${report.abi}'s.`,
    'The results hold for this kernel, system and version only.',
    '',
    'The cases, [the rules](rules.md) and the recorded traces are those of a current',
    'Darwin (macOS), from the source of its kernel and from recordings of kernel',
    'code. A test that deviates is listed below with its rule and its reason; it',
    'fails once it no longer deviates. A skipped test says why.',
    '',
    row('section', ...COLUMNS),
    row('---', ...COLUMNS.map(() => '--:')),
    ...rows(report).map((cells) => row(...cells)),
    '',
    '## Deviations',
    '',
    ...(deviations.length === 0
      ? ['None.']
      : [
          row('what', 'rule', 'reason'),
          row('---', '---', '---'),
          ...deviations.map(({ what, rule, reason }) =>
            row(what, linked(rule), reason),
          ),
        ]),
    '',
    '## Skipped',
    '',
    ...(skipped.length === 0
      ? ['None.']
      : [
          row('test', 'why'),
          row('---', '---'),
          ...skipped.map(({ title, why }) => row(title, linked(why))),
        ]),
    '',
  ];
  if (findings.length > 0) {
    lines.push('## What this kernel did where it was to be confirmed', '');
    lines.push(row('case', 'answer'), row('---', '---'));
    for (const { id, title, otherwise } of findings) {
      const said = otherwise === null ? 'as specified' : `no: ${otherwise}`;
      lines.push(row(`${id} ${title}`, said));
    }
    lines.push('');
  }
  if (failures.length > 0) {
    lines.push('## Failed', '', row('test', 'how'), row('---', '---'));
    for (const { title, message } of failures) {
      lines.push(row(title, message.slice(0, 300)));
    }
    lines.push('');
  }
  return lines.join('\n');
}
