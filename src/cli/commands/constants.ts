import { kernels } from '../../abi.js';
import { chosenKernel, KERNEL_OPTION } from '../arguments.js';
import type { Command } from '../command.js';
import { Failure, UsageError } from '../failure.js';
import { print } from '../screen.js';
import { suggest } from '../suggestion.js';

const hex = (value: number): string =>
  value < 0
    ? `0x${(value & 0xffff).toString(16)}`
    : `0x${value.toString(16).padStart(value > 0xffff ? 8 : 4, '0')}`;

export const constants: Command = {
  name: 'constants',
  usage: '[PREFIX]',
  summary: 'print the constants of a kernel',
  help: `Without PREFIX, kq prints all constants. PREFIX may be in upper or lower case.`,
  options: {
    kernel: KERNEL_OPTION,
    json: { type: 'boolean', help: 'print one JSON object per line' },
  },
  run: (parsed) => {
    const name = chosenKernel(parsed);
    const [prefix = '', ...others] = parsed.operands;
    if (others.length > 0)
      throw new UsageError(`unexpected argument '${others[0]}'`);
    const table = Object.entries<number>(kernels[name].constants).filter(
      ([constant]) => constant.startsWith(prefix.toUpperCase()),
    );
    if (table.length === 0) {
      const known = Object.keys(kernels[name].constants);
      throw new Failure(
        `${name} has no constant that begins with '${prefix}'${suggest(prefix, known)}`,
      );
    }
    const width = Math.max(...table.map(([constant]) => constant.length));
    for (const [constant, value] of table) {
      print(
        parsed.values.json === true
          ? JSON.stringify({ name: constant, value, hex: hex(value) })
          : `${constant.padEnd(width)}  ${String(value).padStart(11)}  ${hex(value)}`,
      );
    }
    return 0;
  },
};
