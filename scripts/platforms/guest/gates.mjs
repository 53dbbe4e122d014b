// Cases of the conformance suite that an emulator cannot answer rightly, with
// the reason. KQUEUE_FFI_EMULATED names the emulator: `machine` is qemu-system,
// `user` is qemu-user.
import process from 'node:process';

const TIMED = {
  ids: 'C22 M02 M03 M09 M17 M18 M21 O04 J2',
  reason: 'the emulator does not keep its times',
};

/** By id, if all tests of the id are concerned, or by title. */
const GATES = {
  machine: [TIMED],
  user: [
    TIMED,
    {
      ids: 'G10 G30 G32 R15 R22 X164',
      titles: [
        'D8 changing a registration replaces its udata and its low-water mark',
        'for data below the low-water mark',
        'T10 ENABLE with fflags 0 drops the low-water mark (socket)',
        'R21 NOTE_LOWAT 16 on a socket',
      ],
      reason: 'the emulator cuts TCP_INFO and SO_MEMINFO to 4 bytes',
    },
    {
      ids: 'R46 G60 G62',
      reason: 'the emulator opens no terminal (ENODEV)',
    },
    {
      ids: 'P15',
      reason: 'the emulator lacks PIDFD_GET_INFO',
    },
  ],
};

const gates = GATES[process.env.KQUEUE_FFI_EMULATED] ?? [];

/** Why a test is left out, if it is; its title begins with its id. */
export function gateOf(title) {
  const [id] = title.split(' ', 1);
  return gates.find(
    ({ ids, titles = [] }) =>
      ids.split(' ').includes(id) || titles.includes(title),
  )?.reason;
}
