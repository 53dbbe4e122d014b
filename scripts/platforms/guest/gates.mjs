// Cases of the conformance suite that an emulator cannot answer rightly, with
// the reason. KQUEUE_FFI_EMULATED names the emulator: `machine` is qemu-system.
import process from 'node:process';

const TIMED = {
  ids: 'C22 M02 M03 M09 M18 M21 O04 J2',
  reason: 'the emulator does not keep its times',
};
const GATES = { machine: [TIMED] };

const gates = GATES[process.env.KQUEUE_FFI_EMULATED] ?? [];

/** Why a test is left out, if it is; its title begins with its id. */
export function gateOf(title) {
  const [id] = title.split(' ', 1);
  return gates.find(({ ids }) => ids.split(' ').includes(id))?.reason;
}
