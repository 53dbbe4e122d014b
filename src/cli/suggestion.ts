const MAX_DISTANCE = 2;

/** The number of letters to change, add, leave out or swap. */
function distance(one: string, other: string): number {
  let [beforeLast, last]: [number[], number[]] = [[], []];
  for (let i = 0; i <= one.length; i++) {
    const row: number[] = [];
    for (let j = 0; j <= other.length; j++) {
      if (i === 0 || j === 0) {
        row.push(i + j);
        continue;
      }
      const isSame = one[i - 1] === other[j - 1];
      const isSwapped =
        i > 1 &&
        j > 1 &&
        one[i - 1] === other[j - 2] &&
        one[i - 2] === other[j - 1];
      row.push(
        Math.min(
          last[j] + 1,
          row[j - 1] + 1,
          last[j - 1] + (isSame ? 0 : 1),
          isSwapped ? beforeLast[j - 2] + 1 : Infinity,
        ),
      );
    }
    [beforeLast, last] = [last, row];
  }
  return last[other.length];
}

/** The most similar name, if one is similar enough. */
function nearestOf(
  given: string,
  known: readonly string[],
): string | undefined {
  // A typo changes less than half of a word.
  const limit = Math.min(MAX_DISTANCE, Math.floor((given.length - 1) / 2));
  let nearest: string | undefined;
  let least = limit + 1;
  for (const word of known) {
    const count = distance(given.toLowerCase(), word.toLowerCase());
    if (count < least) [nearest, least] = [word, count];
  }
  nearest ??= known.find(
    (word) =>
      given.length > 1 && word.toLowerCase().startsWith(given.toLowerCase()),
  );
  return nearest;
}

/**
 * A suggestion to append to a message: `, did you mean 'watch'?`. Empty if no
 * name is similar.
 *
 * @param prefix A prefix of the names that may be omitted, such as `SIG`.
 */
export function suggest(
  given: string,
  known: readonly string[],
  prefix = '',
): string {
  const isFull = given.toUpperCase().startsWith(prefix);
  const start = isFull ? 0 : prefix.length;
  const nearest = nearestOf(
    given,
    known.map((name) => name.slice(start)),
  );
  if (nearest === undefined) return '';
  return `, did you mean '${isFull ? '' : prefix}${nearest}'?`;
}
