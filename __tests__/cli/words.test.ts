// What kq makes of the words it is given, without a process for each.

import type { Cpu } from '../../src/abi/shape.js';
import { type KernelName, kernels } from '../../src/abi.js';
import { parse, parseDuration } from '../../src/cli/arguments.js';
import { commands } from '../../src/cli/commands.js';
import { debounce } from '../../src/cli/debounce.js';
import { eventTime } from '../../src/cli/event-time.js';
import { Failure, UsageError } from '../../src/cli/failure.js';
import { helpOf, overview } from '../../src/cli/help.js';
import { decodeRecords, parseBytes } from '../../src/cli/kevent-bytes.js';
import { parseKevent } from '../../src/cli/kevent-words.js';
import { merge } from '../../src/cli/merge.js';
import { escapeControls, quoteBytes } from '../../src/cli/output-event.js';
import { splitWords } from '../../src/cli/words.js';
import { explain } from '../../src/index.js';
import { fixtureOf, kernelNames } from '../fixtures/abi/index.js';
import { toBytes } from '../support/doubles.js';

test.each<[command: string, words: string[]]>([
  ['make test', ['make', 'test']],
  ['  a\t b\n', ['a', 'b']],
  [`a 'b c' "d e"`, ['a', 'b c', 'd e']],
  [`a '' ""`, ['a', '', '']],
  [`a"b"'c'd`, ['abcd']],
  [`a\\ b \\" '\\'`, ['a b', '"', '\\']],
  [`"a\\"b"`, ['a"b']],
  [
    'echo $HOME *.c `x` $(y) ; | & > <',
    ['echo', '$HOME', '*.c', '`x`', '$(y)', ';', '|', '&', '>', '<'],
  ],
])('splits --exec %j at spaces only', (command, words) => {
  expect(splitWords(command)).toEqual(words);
});

test.each([[''], ['   '], ["'"], ['a "b'], ['a \\'], ["'' a"]])(
  'rejects --exec %j',
  (command) => {
    expect(() => splitWords(command)).toThrow(UsageError);
  },
);

test.each([
  ['100us', 0.1],
  ['250ms', 250],
  ['1.5s', 1500],
  ['.5s', 500],
  ['2m', 120_000],
  ['24d', 2_073_600_000],
])('parses %s as %d milliseconds', (given, ms) => {
  expect(parseDuration(given, 'it')).toBe(ms);
});

test.each([['250'], ['0s'], ['-1s'], ['1e3s'], ['1w'], ['25d'], ['s'], ['']])(
  'rejects %j as a duration',
  (given) => {
    expect(() => parseDuration(given, 'it')).toThrow(UsageError);
  },
);

test('accepts options anywhere, and a negative number as an operand', () => {
  const options = { kernel: { type: 'string', help: '' } } as const;
  const parsed = parse(['7', '--kernel', 'darwin', '-1', '-0x5'], options);
  expect(parsed).toEqual({
    values: { kernel: 'darwin' },
    operands: ['7', '-1', '-0x5'],
  });
  expect(parse(['--', '--kernel', '-x'], options).operands).toEqual([
    '--kernel',
    '-x',
  ]);
  expect(() => parse(['-x'], options)).toThrow(UsageError);
  expect(() => parse(['--kernel'], options)).toThrow(UsageError);
});

test('prints a name unchanged unless it has control characters', () => {
  expect(escapeControls('Grüße, 世界 $(x) "y"')).toBe('Grüße, 世界 $(x) "y"');
  expect(escapeControls('a\u001b[2Jb')).toBe('"a\\u001b[2Jb"');
  expect(escapeControls('a\u009b2Jb')).toBe('"a\\u009b2Jb"');
  expect(escapeControls('a\nb')).toBe('"a\\nb"');
  expect(escapeControls('a\u202eb')).toBe('"a\\u202eb"');
});

test('prints the bytes of a name that is not UTF-8', () => {
  const quoted = (...parts: readonly (string | number)[]): string =>
    quoteBytes(
      Buffer.concat(
        parts.map((part) =>
          typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]),
        ),
      ),
    );
  expect(quoted('d/caf', 0xe9)).toBe('"d/caf\\xe9"');
  expect(quoted(0xff, 'é世🎉', 0xe4, 0xb8, 'x')).toBe(
    '"\\xffé世🎉\\xe4\\xb8x"',
  );
  // Escape sequences and control characters are not sent to a terminal.
  expect(quoted('\\xe9"\u001b', 0x80)).toBe('"\\\\xe9\\"\\u001b\\x80"');
  expect(quoted('\u009b', 0xc2)).toBe('"\\u009b\\xc2"');
});

test('prints help for every command within 80 columns', () => {
  for (const text of [overview(), ...commands.map(helpOf)]) {
    expect(text).toMatch(/^Usage: kq /);
    for (const line of text.split('\n'))
      expect(line.length).toBeLessThanOrEqual(80);
  }
  for (const { name } of commands) {
    expect(overview()).toContain(`\n  ${name} `);
  }
});

describe.each(kernelNames)('bytes of %s', (name) => {
  const fixture = fixtureOf(name);
  const facts = kernels[name];
  const { constants: c } = facts;
  const fields = {
    ident: 7n,
    filter: BigInt(c.EVFILT_READ),
    flags: BigInt(c.EV_ADD | c.EV_CLEAR),
    fflags: BigInt(c.NOTE_LOWAT ?? 0),
    data: -12n,
    udata: 0x1234n,
  };
  const structs = Object.entries(fixture.arches).flatMap(([cpu, layouts]) =>
    Object.entries(layouts)
      .map(([struct, layout]) => ({
        cpu: cpu as Cpu,
        struct: struct.replace('struct ', ''),
        layout,
      }))
      .filter(({ struct }) => struct in facts.structs && struct !== 'timespec'),
  );

  test.each(structs.map((each) => [each.struct, each.cpu, each] as const))(
    'are decoded with the layout of %s on %s, one or more structs',
    (struct, cpu, { layout }) => {
      const bytes = toBytes(layout, fields);
      const hex = Buffer.from(bytes).toString('hex');
      const read = (words: string[]) => {
        const given = parseBytes(words);
        if (given === undefined) throw new Error('taken for numbers');
        return decodeRecords(facts, given, cpu, struct);
      };
      const wanted = expect.objectContaining({
        ident: 7n,
        filter: c.EVFILT_READ,
        flags: c.EV_ADD | c.EV_CLEAR,
        data: -12n,
        udata: 0x1234n,
      });
      expect(read([hex])).toEqual([wanted]);
      expect(read([hex, hex])).toEqual([wanted, wanted]);
      const dump = hex.replace(/../g, '\\x$&');
      expect(read([dump])).toEqual([wanted]);
      expect(read(hex.match(/../g)?.map((byte) => `0x${byte}`) ?? [])).toEqual([
        wanted,
      ]);
      expect(explain(read([hex])[0], { kernel: name })).toMatch(
        /^\{7 READ ADD\|CLEAR data=-12 (NOTE_LOWAT )?udata=0x1234\}$/,
      );
    },
  );

  test('are rejected unless they are a whole number of structs', () => {
    const bytes = new Uint8Array(21);
    expect(() => decodeRecords(facts, bytes)).toThrow(/not a whole number/);
    expect(() => decodeRecords(facts, new Uint8Array(96), 'z80')).toThrow(
      /--cpu/,
    );
    expect(() => decodeRecords(facts, bytes, 'x64', 'stat')).toThrow(
      /--struct/,
    );
  });
});

test('rejects an odd number of hex digits', () => {
  expect(() => parseBytes(['0'.repeat(65)])).toThrow(UsageError);
});

test('treats short digit strings as numbers', () => {
  expect(parseBytes(['7', '-1', '0', '0', '12'])).toBeUndefined();
  expect(parseBytes(['7', 'READ', 'ADD'])).toBeUndefined();
});

test.each<[words: string, kernel: KernelName, line: string]>([
  ['7 READ ADD|CLEAR', 'darwin', '{7 READ ADD|CLEAR}'],
  ['7 evfilt_read ev_add', 'netbsd', '{7 READ ADD}'],
  ['1 TIMER 1 NSECONDS 250', 'freebsd', '{1 TIMER ADD data=250 NOTE_NSECONDS}'],
  [
    '4 VNODE ADD NOTE_WRITE|delete|0x40',
    'darwin',
    '{4 VNODE ADD NOTE_DELETE|NOTE_WRITE|NOTE_REVOKE}',
  ],
  ['9 READ ERROR 0 EBADF', 'openbsd', '{9 READ ERROR data=EBADF}'],
  ['USR1 SIGNAL ADD', 'darwin', '{SIGUSR1 SIGNAL ADD}'],
  ['0x10 -99 0x1 -1', 'darwin', '{16 -99 ADD fflags=-1}'],
  [
    '1 USER 0 0 0 0xffffffffffffffff',
    'darwin',
    '{1 USER udata=0xffffffffffffffff}',
  ],
])('parses the words %j on %s as %s', (words, kernel, line) => {
  const kevent = parseKevent(kernels[kernel], words.split(' '));
  expect(explain(kevent, { kernel })).toBe(line);
});

test.each([
  ['1 RAED', "there is no filter 'RAED', did you mean 'EVFILT_READ'?"],
  ['1 FOO', "there is no filter 'FOO'"],
  ['1 READ adv', "unknown name 'adv' in the flags, did you mean 'EV_ADD'?"],
  [
    '1 VNODE 0 NOTE_WRIET',
    "unknown name 'NOTE_WRIET' in the fflags, did you mean 'NOTE_WRITE'?",
  ],
])('explains what is wrong with %j', (words, message) => {
  expect(() => parseKevent(kernels.darwin, words.split(' '))).toThrow(
    new UsageError(message),
  );
});

test.each([
  ['7'],
  ['7 NOTHING'],
  ['x READ'],
  ['7 READ BOGUS'],
  ['7 READ 0x1ffffffff'],
  ['7 READ 0 NOTE_DELETE'],
  ['7 READ 0 0 many'],
  ['7 READ 0 0 0 0 0'],
])('rejects the words %j as a kevent', (words) => {
  expect(() => parseKevent(kernels.darwin, words.split(' '))).toThrow(
    UsageError,
  );
});

test('merges sources in turn, and ends all when one fails', async () => {
  const upTo = (last: number, name: string) => {
    let next = 0;
    return async (): Promise<IteratorResult<string, undefined>> =>
      next === last
        ? { done: true, value: undefined }
        : { done: false, value: `${name}${++next}` };
  };
  const seen: string[] = [];
  for await (const value of merge([upTo(3, 'a'), upTo(2, 'b')])) {
    seen.push(value);
  }
  expect(seen).toEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
  const failing = merge([
    upTo(9, 'a'),
    async () => {
      throw new Failure('over');
    },
  ]);
  await expect(
    (async () => {
      for await (const value of failing) seen.push(value);
    })(),
  ).rejects.toThrow('over');
});

test('an idle source does not retain values of the others', async () => {
  let reactions = 0;
  class Watched<T> extends Promise<T> {
    // biome-ignore lint/suspicious/noThenProperty: to count its consumers
    override then<A = T, B = never>(
      ...args: Parameters<Promise<T>['then']>
    ): Promise<A | B> {
      reactions++;
      return super.then(...args) as Promise<A | B>;
    }
  }
  const never = new Watched<IteratorResult<number>>(() => {});
  let count = 0;
  const busy = async () => ({ done: false, value: ++count }) as const;
  for await (const value of merge([() => never, busy])) {
    if (value === 1000) break;
  }
  expect(reactions).toBeLessThan(5);
});

/** A source whose values come when they are let. */
function gated<T>(): { push(value: T): void; values: AsyncGenerator<T> } {
  const queue: T[] = [];
  let wake = (): void => {};
  async function* values(): AsyncGenerator<T> {
    for (;;) {
      while (queue.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      yield queue.shift() as T;
    }
  }
  return {
    push(value) {
      queue.push(value);
      wake();
    },
    values: values(),
  };
}

test('merges a burst into one value, and cuts an endless one', async () => {
  const { push, values } = gated<number>();
  const seen: [number, boolean][] = [];
  const bursts = debounce(values, 20, (value, isFirst) => {
    seen.push([value, isFirst]);
  });
  for (const value of [1, 2, 3]) push(value);
  expect((await bursts.next()).value).toBe(3);
  expect(seen).toEqual([
    [1, true],
    [2, false],
    [3, false],
  ]);
  let last = 3;
  const timer = setInterval(() => push(++last), 2);
  try {
    expect((await bursts.next()).value).toBeGreaterThan(4);
  } finally {
    clearInterval(timer);
  }
});

test('makes each value a burst if the pause is zero', async () => {
  const { push, values } = gated<number>();
  const bursts = debounce(values, 0, () => {});
  for (const value of [1, 2]) push(value);
  expect((await bursts.next()).value).toBe(1);
  expect((await bursts.next()).value).toBe(2);
});

test('stamps events with microseconds, and follows the clock', () => {
  const time = eventTime();
  expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(1000);
  const now = jest.spyOn(Date, 'now').mockReturnValue(Date.UTC(2031, 0, 1));
  try {
    expect(eventTime()).toMatch(/^2031-01-01T00:00:00\.\d{6}Z$/);
  } finally {
    now.mockRestore();
  }
});
