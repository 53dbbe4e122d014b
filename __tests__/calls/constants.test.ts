import { kernels } from '../../src/abi/kernels.js';
import * as constants from '../../src/calls/constants.js';
import { hostFacts } from '../../src/host/host.js';
import { gate } from '../conformance/cases.js';
import { fixtureOf, kernelNames } from '../fixtures/abi/index.js';

const names = [
  ...new Set(
    kernelNames.flatMap((name) => Object.keys(fixtureOf(name).constants)),
  ),
].sort();

test('exports every constant of every kernel by name, and no other', () => {
  expect(Object.keys(constants).sort()).toEqual(names);
});

test('gives each constant the value of the running kernel, or undefined', () => {
  for (const [name, value] of Object.entries(constants)) {
    expect([name, value]).toEqual([name, hostFacts.constants[name]]);
  }
});

const isOwnKernel =
  process.platform === 'linux' && process.env.KQUEUE_FFI_ABI === undefined;

gate(isOwnKernel, "only Linux's own kernel has Darwin's constants")(
  'exports the constants of Darwin on Linux',
  () => {
    expect({ ...constants }).toMatchObject({ ...kernels.darwin.constants });
  },
);

test('types a constant as number if all kernels have it, else as possibly undefined', () => {
  const filter: number = constants.EVFILT_READ;
  const flag: number = constants.EV_RECEIPT;
  // @ts-expect-error NetBSD, OpenBSD and FreeBSD have no EVFILT_VM.
  const pressure: number = constants.EVFILT_VM;
  const unit: number | undefined = constants.NOTE_MSECONDS;
  expect([filter, flag, pressure, unit]).toEqual([
    hostFacts.constants.EVFILT_READ,
    hostFacts.constants.EV_RECEIPT,
    hostFacts.constants.EVFILT_VM,
    hostFacts.constants.NOTE_MSECONDS,
  ]);
});
