import { figure, type Row, type Table } from './report.js';

const WIDTH = 880;
const LABELS = 320;
const BARS = 230;
const LINE = 26;
const HEAD = 44;

// An opaque ground in either scheme: it is read wherever it is shown.
const STYLE = `
    text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 }
    .title { font-size: 15px; font-weight: 600 }
    .ground { fill: #ffffff; stroke: #d1d9e0 }
    .bar { fill: #0969da }
    .missed { fill: #bc4c00 }
    .plain { fill: #818b98 }
    .goal { stroke: #1f2328; stroke-width: 2 }
    .small { font-size: 11px; fill: #59636e }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .ground { fill: #0d1117; stroke: #3d444d }
      .bar { fill: #4493f8 }
      .missed { fill: #f0883e }
      .plain { fill: #656c76 }
      .goal { stroke: #f0f6fc }
      .small { fill: #9198a1 }
    }`;

const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

const shownOf = (row: Row): number => row.ratio ?? row.median;

/** Rows of one scale: ratios to be small, ratios to be large, or one unit. */
const scaleOf = ({ ratio, goal, unit }: Row): string => {
  if (ratio === undefined) return unit;
  return goal?.startsWith('>=') ? 'more' : 'less';
};

/** What is written beside a bar. */
function said(row: Row): string {
  const { ratio, against, unit, goal, reached } = row;
  const value =
    ratio === undefined
      ? `${figure(row.median)} ${unit}`
      : `${ratio.toFixed(2)}x ${against}`;
  if (goal === undefined) return value;
  return `${value}${reached ? '' : `, goal ${goal}`}`;
}

/** A chart of a table: its ratios, or values where a goal is one. */
export function chartOf({ title, rows }: Table): string {
  const shown = rows.filter(
    ({ ratio, goal }) => ratio !== undefined || goal !== undefined,
  );
  const bars = shown.length > 0 ? shown : rows;
  const most = new Map<string, number>();
  for (const row of bars) {
    const known = most.get(scaleOf(row)) ?? 0;
    const needed = Math.max(shownOf(row), row.limit ?? 0, known);
    most.set(scaleOf(row), needed);
  }
  const height = HEAD + bars.length * LINE + 34;
  const parts = bars.map((row, i) => {
    const y = HEAD + i * LINE;
    const scale = BARS / (most.get(scaleOf(row)) || 1) / 1.05;
    const width = Math.max(1, shownOf(row) * scale).toFixed(1);
    const kind =
      row.goal === undefined ? 'plain' : row.reached ? 'bar' : 'missed';
    const lines = [
      `<text x="${LABELS - 10}" y="${y + 15}" text-anchor="end">${escaped(row.name.trim())}</text>`,
      `<rect class="${kind}" x="${LABELS}" y="${y + 3}" width="${width}" height="${LINE - 10}" rx="2"/>`,
      `<text x="${LABELS + BARS + 10}" y="${y + 15}">${escaped(said(row))}</text>`,
    ];
    if (row.limit !== undefined) {
      const x = (LABELS + row.limit * scale).toFixed(1);
      lines.push(
        `<line class="goal" x1="${x}" x2="${x}" y1="${y}" y2="${y + LINE - 4}"/>`,
      );
    }
    return lines.join('\n  ');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">
  <style>${STYLE}
  </style>
  <rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>
  <text class="title" x="16" y="27">${escaped(title)}</text>
  ${parts.join('\n  ')}
  <text class="small" x="16" y="${height - 12}">Medians. A mark is a goal: at most that, or at least where more is better. Orange: not reached.</text>
</svg>
`;
}
