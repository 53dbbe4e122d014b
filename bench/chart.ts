import { figure, type Row, type Table } from './report.js';

const WIDTH = 820;
const LABELS = 330;
const BARS = 340;
const LINE = 26;
const HEAD = 44;

// An opaque ground in either scheme: it is read wherever it is shown.
const STYLE = `
    text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 }
    .title { font-size: 15px; font-weight: 600 }
    .ground { fill: #ffffff; stroke: #d1d9e0 }
    .ours { fill: #0969da }
    .other { fill: #afb8c1 }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .ground { fill: #0d1117; stroke: #3d444d }
      .ours { fill: #4493f8 }
      .other { fill: #656c76 }
    }`;

const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

/** The tables that readers see as charts, in the unit of their rows. */
const CHARTED = [
  'harvest',
  'libkqueue',
  'linux-harvest',
  'latency',
  'ping-pong',
];

export const hasChart = ({ id }: Table): boolean => CHARTED.includes(id);

/** A chart of a table: how long each way takes, ours in colour. */
export function chartOf({ title, rows }: Table): string {
  const unit = rows[0]?.unit ?? '';
  // This package appears once for each competitor.
  const bars = rows.filter(
    (row, i) =>
      row.unit === unit &&
      (row.name.startsWith(' ') ||
        rows.findIndex(({ name }) => name === row.name) === i),
  );
  const scale = BARS / Math.max(...bars.map(({ median }) => median), 1);
  const height = HEAD + bars.length * LINE + 14;
  const isOurs = ({ name, against }: Row): boolean =>
    against !== undefined || !name.startsWith(' ');
  const parts = bars.map((row, i) => {
    const y = HEAD + i * LINE;
    const width = Math.max(1, row.median * scale).toFixed(1);
    return [
      `<text x="${LABELS - 10}" y="${y + 15}" text-anchor="end">${escaped(row.name.trim())}</text>`,
      `<rect class="${isOurs(row) ? 'ours' : 'other'}" x="${LABELS}" y="${y + 3}" width="${width}" height="${LINE - 10}" rx="2"/>`,
      `<text x="${(LABELS + Number(width) + 8).toFixed(1)}" y="${y + 15}">${figure(row.median)} ${unit}</text>`,
    ].join('\n  ');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">
  <style>${STYLE}
  </style>
  <rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>
  <text class="title" x="16" y="27">${escaped(title)}</text>
  ${parts.join('\n  ')}
</svg>
`;
}
