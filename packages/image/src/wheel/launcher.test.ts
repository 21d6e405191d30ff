import { expect, test } from 'vitest';
import { launcher, rewriteShebang, shebang, wantsPython } from './launcher.ts';

const python = '/opt/galley/env/bin/python';

test('a path that Linux would cut goes through /bin/sh', () => {
  expect(shebang(python)).toBe(`#!${python}\n`);
  expect(shebang(`/${'x'.repeat(130)}/python`)).toMatch(/^#!\/bin\/sh\n'''exec' /);
});

test('only the first line of a script changes, and its options stay', () => {
  const script = (text: string): string => rewriteShebang(Buffer.from(text), python).toString();
  expect(script('#!python\nx\n')).toBe(`#!${python}\nx\n`);
  expect(script('#!pythonw\r\nx\n')).toBe(`#!${python}\nx\n`);
  expect(script('#!python -u\nx')).toBe(`#!${python} -u\nx`);
  expect(script('#!python')).toBe(`#!${python}\n`);
  expect(wantsPython(Buffer.from('#!/bin/sh\n'))).toBe(false);
});

test('a dotted attribute imports its first part', () => {
  const text = launcher({ name: 'x', module: 'a.b', attribute: 'App.run' }, python);
  expect(text).toContain('from a.b import App\n');
  expect(text).toContain('sys.exit(App.run())');
});
