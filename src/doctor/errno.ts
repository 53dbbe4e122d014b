import { errnoName } from '../abi/index.js';
import type { KeventInit } from '../memory/index.js';
import { errorMessage, type Finding } from './finding.js';
import type { Subject } from './subject.js';

/** Check that a failed call has the right errno. */
export function examineErrno({ facts, calls, list }: Subject): Finding {
  const name = 'errno';
  try {
    const kq = calls.kqueue();
    calls.close(kq);
    const change: KeventInit = {
      ident: 1,
      filter: facts.constants.EVFILT_TIMER,
      flags: facts.constants.EV_DELETE,
    };
    calls.kevent(kq, [change], list(), 0);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === errnoName(facts, facts.errno.EBADF)) {
      return { name, ok: true, says: 'A closed queue fails with EBADF.' };
    }
    return {
      name,
      ok: false,
      says: `A closed queue should fail with EBADF, but failed with: ${errorMessage(error)}. Errors of this kernel cannot be distinguished.`,
    };
  }
  return {
    name,
    ok: false,
    says: 'A closed queue should fail with EBADF, but behaves as if it were open: close does not work, or its failure is not reported.',
  };
}
