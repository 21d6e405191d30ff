import type { OciSeccomp, SeccompRule } from './seccomp.ts';

/** S_ISUID and S_ISGID. */
const setIdBits = [0o4000, 0o2000];
const EPERM = 1;
/** O_CREAT and the bit of O_TMPFILE that is its own: without them the kernel does not look at the mode, and it may be anything. */
const creates = 0o100 | 0o20000000;

/** Position of the mode, and of the flags where it counts only with some of them. */
const calls: Readonly<Record<string, { readonly mode: number; readonly flags?: number }>> = {
  chmod: { mode: 1 },
  fchmod: { mode: 1 },
  fchmodat: { mode: 2 },
  fchmodat2: { mode: 2 },
  creat: { mode: 1 },
  mknod: { mode: 1 },
  mknodat: { mode: 2 },
  open: { mode: 2, flags: 1 },
  openat: { mode: 3, flags: 2 },
};

/**
 * A filter under which no file gets a set-user-id or set-group-id bit: what a process makes in a folder of the host belongs there to the folder's
 * owner, root perhaps, and `nosuid` holds only inside (ADR 0095). Taken over from systemd's RestrictSUIDSGID: `openat2` goes, whose mode lies where a
 * filter cannot look, and every C library does without it; `io_uring`, which could open and create unseen, is refused to all. Pure.
 */
export function refuseSetId(seccomp: OciSeccomp): OciSeccomp {
  const ours = new Set([...Object.keys(calls), 'openat2']);
  const others = seccomp.syscalls.flatMap((rule): readonly SeccompRule[] => {
    const names = rule.names.filter((name) => !ours.has(name));
    return names.length === 0 ? [] : [{ ...rule, names }];
  });
  const allowed = new Set(
    seccomp.syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW').flatMap(({ names }) => names),
  );
  const own = Object.entries(calls)
    .filter(([name]) => allowed.has(name))
    .flatMap(([name, { mode, flags }]): readonly SeccompRule[] => [
      allow(
        name,
        mode,
        setIdBits.reduce((all, bit) => all | bit),
      ),
      ...(flags === undefined ? [] : [allow(name, flags, creates)]),
      // What is left would be "no such system call" and send programs looking for another one.
      ...(flags === undefined ? setIdBits.map((bit) => refuse(name, mode, bit)) : []),
    ]);
  return { ...seccomp, syscalls: [...others, ...own] };
}

/** Allowed where none of the bits is set. */
function allow(name: string, index: number, bits: number): SeccompRule {
  return {
    names: [name],
    action: 'SCMP_ACT_ALLOW',
    args: [{ index, value: bits, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
  };
}

function refuse(name: string, index: number, bit: number): SeccompRule {
  return {
    names: [name],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: EPERM,
    args: [{ index, value: bit, valueTwo: bit, op: 'SCMP_CMP_MASKED_EQ' }],
  };
}
