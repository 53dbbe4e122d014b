import { closeSync } from 'node:fs';
import { type Member, SharedQueue } from '../../src/helpers/shared-queue.js';
import { Kqueue } from '../../src/index.js';
import { openCount } from '../support/fds.js';

const member = (): Member & { errors: unknown[] } => {
  const errors: unknown[] = [];
  return { errors, onEvent() {}, onError: (error) => errors.push(error) };
};

test('stays open until its last member leaves', () => {
  const before = openCount();
  const shared = new SharedQueue();
  const [one, other] = [member(), member()];
  const kq = shared.join(one);
  expect(shared.join(other)).toBe(kq);
  shared.leave(one);
  expect(kq.closed).toBe(false);
  shared.leave(other);
  expect(kq.closed).toBe(true);
  expect(openCount()).toBe(before);
});

test('reports its failure to every member, closes, and is created again', async () => {
  const shared = new SharedQueue();
  const members = [member(), member()];
  const [kq] = members.map((each) => shared.join(each));
  // No wait starts before the end of the first microtask.
  closeSync(kq.fd);
  using taker = new Kqueue();
  expect(taker.fd).toBe(kq.fd);
  await new Promise(setImmediate);
  for (const { errors } of members) {
    expect(errors).toEqual([expect.objectContaining({ code: 'EBADF' })]);
  }
  const again = member();
  const other = shared.join(again);
  expect(other.closed).toBe(false);
  expect(taker.closed).toBe(false);
  shared.leave(again);
  expect(other.closed).toBe(true);
});
