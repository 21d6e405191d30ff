import type { EntryPoint } from './entry-points.ts';

/** Linux cuts a longer `#!` line (BINPRM_BUF_SIZE 128 on old kernels). */
const shebangBytesMax = 127;

/** The first line of a script that runs under the environment's Python; a long path goes through /bin/sh, as pip and uv do it. */
export function shebang(python: string): string {
  const line = `#!${python}\n`;
  if (Buffer.byteLength(line) <= shebangBytesMax && !python.includes(' ')) return line;
  return `#!/bin/sh\n'''exec' "${python}" "$0" "$@"\n' '''\n`;
}

/** The program for an entry point: imports, calls, exits with what it returned. */
export function launcher(point: EntryPoint, python: string): string {
  const [first = point.attribute] = point.attribute.split('.');
  return `${shebang(python)}# -*- coding: utf-8 -*-
import re
import sys
from ${point.module} import ${first}
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(${point.attribute}())
`;
}

/** True when a script asks for whatever Python the installer has (`#!python`, `#!pythonw`; PEP 427). */
export function wantsPython(script: Buffer): boolean {
  return script.subarray(0, 8).toString('latin1') === '#!python';
}

/** The script with its first line for this environment; what follows `python` on that line (`-u`) stays. */
export function rewriteShebang(script: Buffer, python: string): Buffer {
  const newline = script.indexOf(0x0a);
  const end = newline === -1 ? script.byteLength : newline;
  const rest = script
    .subarray(0, end)
    .toString('latin1')
    .replace(/^#!pythonw?/, '')
    .trim();
  const first = rest === '' ? shebang(python) : `#!${python} ${rest}\n`;
  return Buffer.concat([Buffer.from(first, 'latin1'), script.subarray(Math.min(end + 1, script.byteLength))]);
}
