const decimal = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(decimal);
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
};

/**
 * What JSON.stringify shows of a record: its fields, where a bigint is a number
 * if that is exact, and a string of its decimal digits otherwise.
 */
function toJSON(this: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(this).map(([name, value]) => [name, decimal(value)]),
  );
}

/**
 * Give the objects of a class a `toJSON`. In all else, as for console.log and
 * the matchers of a test runner, they are plain objects.
 */
export function definePlain({
  prototype,
}: {
  readonly prototype: object;
}): void {
  Object.defineProperties(prototype, {
    constructor: { value: Object },
    toJSON: { value: toJSON },
  });
}
