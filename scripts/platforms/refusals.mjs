// The 32-bit CPUs, for which this package is not written: it has to say so.
import { freshFolder } from './cache.mjs';
import * as debian from './debian.mjs';
import { packageOn } from './foreign-cpus.mjs';
import { resultOf } from './result.mjs';

/** Debian's names for the CPUs, by Node's. */
const REFUSED = { arm: 'armhf', ia32: 'i386' };

async function check(cpu) {
  const node = await packageOn(cpu, freshFolder(`package-${cpu}`));
  const out = await node('scripts/platforms/guest/refusal.mjs');
  return { ...resultOf(out, 'refusal'), out };
}

export const platforms = Object.entries(REFUSED).map(([cpu, name]) => ({
  name,
  group: 'refusals',
  needs: debian.NEEDS,
  check: () => check(cpu),
}));
