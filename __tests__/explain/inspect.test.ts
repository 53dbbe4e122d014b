// What console.log shows of a list and of a queue.
import { inspect } from 'node:util';
import {
  EV_ADD,
  EV_CLEAR,
  EVFILT_READ,
  EVFILT_TIMER,
  Kevent64List,
  KeventList,
  Kqueue,
  kernel,
} from '../../src/index.js';
import { gate } from '../conformance/cases.js';

const read = { ident: 7, filter: EVFILT_READ, flags: EV_ADD | EV_CLEAR };
const timer = (ident: number) => ({
  ident,
  filter: EVFILT_TIMER,
  flags: EV_ADD,
  data: 250,
});

test('shows the entries of a list by name, its length and its capacity', () => {
  const list = new KeventList(8);
  expect(inspect(list)).toBe('KeventList(0 of 8) []');
  list.push(read);
  expect(inspect(list)).toBe('KeventList(1 of 8) [ {7 READ ADD|CLEAR} ]');
  list.push(timer(1));
  list.push(timer(2));
  expect(inspect({ list })).toBe(`{
  list: KeventList(3 of 8) [
    {7 READ ADD|CLEAR},
    {1 TIMER ADD data=250},
    {2 TIMER ADD data=250}
  ]
}`);
});

test('shows a hundred entries of a long list, or maxArrayLength', () => {
  const list = new KeventList(5000);
  for (let i = 0; i < 5000; i++) list.push(timer(i));
  const entries = (text: string) => text.match(/TIMER/g)?.length ?? 0;
  expect(entries(inspect(list))).toBe(100);
  expect(inspect(list)).toContain('… 4900 more');
  expect(inspect(list, { maxArrayLength: 0 })).toBe(
    'KeventList(5000 of 5000) [ … 5000 more ]',
  );
  expect(entries(inspect(list, { maxArrayLength: null }))).toBe(5000);
});

test('shows only the size when nested deeply', () => {
  const list = KeventList.of(read);
  expect(inspect({ a: { b: { list } } }, { depth: 1 })).toContain('[Object]');
  expect(inspect({ list }, { depth: 0 })).toBe(
    '{ list: [KeventList(1 of 1)] }',
  );
});

test('shows an object that only inherits from a list or a queue', () => {
  for (const { prototype } of [KeventList, Kqueue]) {
    expect(inspect(prototype)).toEqual(expect.any(String));
    expect(inspect(Object.create(prototype))).toMatch(/^K\w+ \{\}$/);
  }
});

gate(kernel.abi === 'darwin', 'there is no kevent64')(
  'shows that a list is for kevent64',
  () => {
    const list = Kevent64List.of({ ...read, ext: [0, 5] });
    expect(inspect(list)).toBe(
      'Kevent64List(1 of 1) [ {7 READ ADD|CLEAR ext=[0x0, 0x5]} ]',
    );
  },
);

test('shows the registrations of a queue, and whether it is closed', () => {
  const kq = new Kqueue();
  const { fd } = kq;
  expect(inspect(kq)).toBe(`Kqueue(fd ${fd}) []`);
  kq.add({ filter: 'timer', id: 1, every: 1000 }, { filter: 'user', id: 5 });
  expect(inspect(kq)).toBe(
    `Kqueue(fd ${fd}) [ {1 TIMER data=1000}, {5 USER CLEAR} ]`,
  );
  expect(inspect([kq], { depth: 0 })).toBe(`[ [Kqueue(fd ${fd})] ]`);
  expect(inspect(kq, { depth: 0 })).toBe(inspect(kq));
  expect(inspect(kq, { maxArrayLength: 1 })).toBe(
    `Kqueue(fd ${fd}) [ {1 TIMER data=1000}, … 1 more ]`,
  );
  kq.close();
  expect(inspect(kq)).toBe(`Kqueue(fd ${fd}, closed)`);
});
