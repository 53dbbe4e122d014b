import {
  fflagNames,
  filterName,
  flagNames,
  type KernelName,
  kernels,
} from '../../abi.js';
import { explain as explained, type KeventInit } from '../../index.js';
import {
  chosenKernel,
  KERNEL_OPTION,
  manyOperands,
  optionText,
  type Parsed,
} from '../arguments.js';
import type { Command } from '../command.js';
import { UsageError } from '../failure.js';
import { decodeRecords, parseBytes } from '../kevent-bytes.js';
import { parseKevent } from '../kevent-words.js';
import { print } from '../screen.js';

const integer = (value: number | bigint | undefined): number | string =>
  typeof value === 'bigint' && !Number.isSafeInteger(Number(value))
    ? String(value)
    : Number(value ?? 0);

/** A kevent as JSON. A value that a number cannot hold exactly is a string. */
function jsonOf(name: KernelName, kevent: KeventInit): object {
  const { ident, filter, flags = 0, fflags = 0, data, udata, ext } = kevent;
  return {
    ident: integer(ident),
    filter,
    filterName: filterName(name, filter) ?? null,
    flags,
    flagNames: flagNames(name, flags),
    fflags,
    fflagNames: fflagNames(name, filter, fflags),
    data: integer(data),
    udata: integer(udata),
    ...(ext === undefined ? {} : { ext: ext.map(integer) }),
    text: explained(kevent, { kernel: name }),
  };
}

function keventsOf(parsed: Parsed, name: KernelName): readonly KeventInit[] {
  const operands = manyOperands(parsed, 'a kevent');
  const bytes = parseBytes(operands);
  const cpu = optionText(parsed, 'cpu');
  const struct = optionText(parsed, 'struct');
  if (bytes !== undefined)
    return decodeRecords(kernels[name], bytes, cpu, struct);
  if (cpu !== undefined || struct !== undefined) {
    throw new UsageError('--cpu and --struct need bytes');
  }
  return [parseKevent(kernels[name], operands)];
}

export const explain: Command = {
  name: 'explain',
  usage: 'BYTES | IDENT FILTER [FLAGS [FFLAGS [DATA [UDATA]]]]',
  summary: 'describe a kevent, from its bytes or numbers',
  help: `BYTES are one or more struct kevent in hex, as a debugger or a hex dump shows
them. Spaces, and 0x or \\x before a byte, are ignored.

Without BYTES, pass the fields as numbers (also 0x…) or names: READ or
EVFILT_READ, ADD|CLEAR or EV_ADD|EV_CLEAR, NOTE_WRITE|NOTE_DELETE. DATA may be
the name of an errno.`,
  options: {
    kernel: KERNEL_OPTION,
    cpu: {
      type: 'string',
      value: 'NAME',
      help: 'use the layout of this CPU: x64 (default; arm64 is the same), ia32 or arm',
      completes: ['x64', 'ia32', 'arm'],
    },
    struct: {
      type: 'string',
      value: 'NAME',
      help: 'select the struct if the number of bytes fits several, such as kevent64_s (darwin) or kevent@11 (netbsd)',
    },
    json: { type: 'boolean', help: 'print one JSON object per line' },
  },
  run: (parsed) => {
    const name = chosenKernel(parsed);
    for (const kevent of keventsOf(parsed, name)) {
      print(
        parsed.values.json === true
          ? JSON.stringify(jsonOf(name, kevent))
          : explained(kevent, { kernel: name }),
      );
    }
    return 0;
  },
};
