import { kernels } from '../../src/abi/kernels.js';
import type { KernelFacts } from '../../src/abi/shape.js';
import { capabilitiesOf } from '../../src/host/capabilities.js';
import { factsOfRelease } from '../../src/host/dialect.js';
import { capabilities, Kqueue } from '../../src/index.js';

const { darwin, freebsd, netbsd, openbsd, dragonfly, libkqueue } = kernels;

test('every filter and note of every kernel has a support level and a reason', () => {
  const all: readonly KernelFacts[] = Object.values(kernels);
  for (const facts of all) {
    for (const filter of Object.values(capabilitiesOf(facts))) {
      expect(filter.reason).not.toBe('');
      for (const note of Object.values(filter.notes)) {
        expect(note.reason).not.toBe('');
      }
    }
  }
  for (const filter of Object.values(capabilitiesOf(darwin, 'linux'))) {
    expect(['emulated', 'absent']).toContain(filter.support);
    for (const note of Object.values(filter.notes)) {
      expect(['emulated', 'absent']).toContain(note.support);
    }
  }
});

test('reports supported filters as native and missing ones as absent', () => {
  expect(capabilitiesOf(darwin).vnode.notes.funlock.support).toBe('native');
  expect(capabilitiesOf(freebsd).vnode.notes.funlock).toBeUndefined();
  expect(capabilitiesOf(freebsd).vnode.notes.close_write.support).toBe(
    'native',
  );
  expect(capabilitiesOf(freebsd).except.support).toBe('absent');
  expect(capabilitiesOf(libkqueue).except.support).toBe('absent');
  expect(capabilitiesOf(dragonfly).user.support).toBe('native');
  expect(capabilitiesOf(dragonfly).timer.notes).toEqual({});
  expect(capabilitiesOf(openbsd).fs.support).toBe('absent');
});

test('an older release lacks later features', () => {
  const old = capabilitiesOf(factsOfRelease(netbsd, '9.3'));
  expect(old.user.support).toBe('absent');
  expect(old.vnode.notes.open.support).toBe('absent');
  expect(old.timer.notes.nseconds.support).toBe('absent');
  expect(capabilitiesOf(netbsd).user.support).toBe('native');
});

test('a kernel without timer units is reported as such', () => {
  const timerUnits = { default: 'milliseconds', encoding: 'none' } as const;
  const { timer, user } = capabilitiesOf({ ...netbsd, timerUnits });
  expect(timer.support).toBe('native');
  for (const unit of ['seconds', 'useconds', 'nseconds', 'abstime']) {
    expect(timer.notes[unit].support).toBe('absent');
  }
  expect(user.notes).toEqual(capabilitiesOf(netbsd).user.notes);
});

test('Linux reports what it lacks, and why', () => {
  const linux = capabilitiesOf(darwin, 'linux');
  expect(linux.proc.notes.exit.support).toBe('emulated');
  for (const note of ['fork', 'exec', 'signal']) {
    expect(linux.proc.notes[note]).toEqual({
      support: 'absent',
      reason: expect.stringContaining('unprivileged processes'),
    });
  }
  expect(linux.vnode.notes.write.support).toBe('emulated');
  expect(linux.vnode.notes.funlock.support).toBe('absent');
});

test('every supported filter of the running kernel can be registered', () => {
  const { user, timer } = capabilities();
  using kq = new Kqueue();
  if (timer.support !== 'absent') kq.add({ filter: 'timer', id: 1, every: 1 });
  if (user.support !== 'absent') kq.add({ filter: 'user', id: 1 });
  expect(kq.size).toBe(2);
  expect(capabilities()).toBe(capabilities());
});

test('Darwin has NOTE_TRACK and similar notes in the header only', () => {
  const { notes } = capabilitiesOf(darwin).proc;
  for (const name of ['track', 'trackerr', 'child']) {
    expect(notes[name]).toMatchObject({ support: 'absent' });
  }
  expect(capabilitiesOf(freebsd).proc.notes.track.support).toBe('native');
});

test('on Linux no details of an exit are reported', () => {
  const { notes } = capabilitiesOf(darwin, 'linux').proc;
  const details = Object.keys(notes).filter((name) => /^exit_/.test(name));
  expect(details).toEqual(
    expect.arrayContaining([
      'exit_memory',
      'exit_decryptfail',
      'exit_cserror',
      'exit_reparented',
    ]),
  );
  for (const name of details) expect(notes[name].support).toBe('absent');
});
