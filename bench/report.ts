/** The tables of a question's measurements, and their printing. */
import { quantile } from './measure.js';

/** The goal: of the ratio if there is one, else of the value. */
export type Goal = { readonly most: number } | { readonly least: number };

/** Half of the rounds lie between the two. */
export interface Spread {
  readonly p25: number;
  readonly p75: number;
}

export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly p25: number;
  readonly p75: number;
  /** The comparison: a multiple of its time, or of its speed. */
  readonly against?: string;
  readonly ratio?: number;
  readonly ratioSpread?: Spread;
  readonly goal?: string;
  readonly limit?: number;
  readonly reached?: boolean;
}

export interface Table {
  /** Short: the name on the command line, and of its chart. */
  readonly id: string;
  readonly title: string;
  readonly rows: readonly Row[];
  /** What one must know to read the figures. */
  readonly notes: readonly string[];
}

const limitOf = (goal: Goal): number =>
  'most' in goal ? goal.most : goal.least;

const isReached = (value: number, goal: Goal): boolean =>
  'most' in goal ? value <= goal.most : value >= goal.least;

function spread(values: readonly number[]) {
  return {
    median: quantile(values, 0.5),
    p25: quantile(values, 0.25),
    p75: quantile(values, 0.75),
  };
}

const judged = (value: number, goal: Goal | undefined, unit: string) =>
  goal === undefined
    ? {}
    : {
        goal: `${'most' in goal ? '<=' : '>='} ${limitOf(goal)}${unit}`,
        limit: limitOf(goal),
        reached: isReached(value, goal),
      };

/** A row of values, whose median may have a goal. */
export function valueRow(
  name: string,
  unit: string,
  values: readonly number[],
  goal?: Goal,
): Row {
  const found = spread(values);
  return { name, unit, ...found, ...judged(found.median, goal, ` ${unit}`) };
}

/**
 * A row of values compared with others, by the ratio of each round.
 *
 * @param ratios Of this to that where less is better, of that to this else.
 */
export function ratioRow(
  name: string,
  unit: string,
  values: readonly number[],
  against: string,
  ratios: readonly number[],
  goal?: Goal,
): Row {
  const { median, p25, p75 } = spread(ratios);
  return {
    name,
    unit,
    ...spread(values),
    against,
    ratio: median,
    ratioSpread: { p25, p75 },
    ...judged(median, goal, 'x'),
  };
}

/** Three digits that mean something. */
export function figure(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** The notes of a row besides its name. */
function cells(row: Row): string[] {
  const { unit, against, ratio, ratioSpread, goal, reached } = row;
  const times = (value: number): string => `${value.toFixed(2)}x`;
  return [
    `${figure(row.median)} ${unit}`,
    `${figure(row.p25)}..${figure(row.p75)}`,
    ratio === undefined ? '' : times(ratio),
    ratioSpread === undefined
      ? ''
      : `${times(ratioSpread.p25)}..${times(ratioSpread.p75)}`,
    against ?? '',
    goal ?? '',
    goal === undefined ? '' : reached ? 'reached' : 'not reached',
  ];
}

const HEAD = ['', 'median', 'p25..p75', 'ratio', 'p25..p75', 'to', 'goal', ''];
/** Columns that hold words. */
const LEFT = new Set([0, 5, 7]);

/** A table as text for a terminal. */
export function textOf({ id, title, rows, notes }: Table): string {
  const lines = [HEAD, ...rows.map((row) => [row.name, ...cells(row)])];
  const widths = HEAD.map((_, column) =>
    Math.max(...lines.map((line) => line[column].length)),
  );
  const text = lines.map((line) =>
    line
      .map((cell, column) =>
        LEFT.has(column)
          ? cell.padEnd(widths[column])
          : cell.padStart(widths[column]),
      )
      .join('  ')
      .trimEnd(),
  );
  return [
    `${title} [${id}]`,
    ...text.map((line) => `  ${line}`),
    ...notes.map((note) => `  - ${note}`),
  ].join('\n');
}
