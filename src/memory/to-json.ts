const decimal = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(decimal);
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
};

/**
 * Convert a record for JSON.stringify. A bigint becomes a number if that is
 * exact, and otherwise a string of its decimal digits.
 */
function toJSON(this: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(this).map(([name, value]) => [name, decimal(value)]),
  );
}

/**
 * Give the objects of a class a `toJSON`. For everything else, such as
 * console.log and the matchers of a test runner, they are plain objects.
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
