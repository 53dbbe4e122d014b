const DIGITS =
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The base-64 VLQ numbers of one segment of a source map. */
function decode(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const character of segment) {
    const digit = DIGITS.indexOf(character);
    value += (digit & 31) << shift;
    shift += 5;
    if ((digit & 32) !== 0) continue;
    numbers.push((value & 1) === 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
}

function encode(numbers: readonly number[]): string {
  let text = '';
  for (const number of numbers) {
    let rest = number < 0 ? (-number << 1) | 1 : number << 1;
    do {
      const digit = rest & 31;
      rest >>= 5;
      text += DIGITS[rest > 0 ? digit | 32 : digit];
    } while (rest > 0);
  }
  return text;
}

/** A source map, version 3. */
export interface SourceMap {
  mappings: string;
  names: string[];
  sources: string[];
  sourcesContent?: (string | null)[];
}

/**
 * Make a map small: a line for a line, without columns, names and the text of
 * the sources. A statement has a line of its own, so a stack trace still names
 * the right line of `src`.
 *
 * @param kept For each line of the result, which line of the input it was.
 */
export function mapLines(map: SourceMap, kept: readonly number[]): void {
  let source = 0;
  let line = 0;
  const firsts = map.mappings.split(';').map((text) => {
    let first: readonly [number, number] | undefined;
    for (const segment of text.split(',')) {
      const numbers = decode(segment);
      if (numbers.length < 4) continue;
      source += numbers[1];
      line += numbers[2];
      first ??= [source, line];
    }
    return first;
  });
  let before: readonly [number, number] = [0, 0];
  const lines = kept.map((from) => {
    const first = firsts[from];
    if (first === undefined) return '';
    const step = [0, first[0] - before[0], first[1] - before[1], 0];
    before = first;
    return encode(step);
  });
  map.mappings = lines.join(';');
  map.names = [];
  delete map.sourcesContent;
}
