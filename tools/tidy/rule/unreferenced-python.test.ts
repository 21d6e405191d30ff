import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { unreferencedPythonRule } from './unreferenced-python.ts';

test('every way to import a module is seen', () => {
  const files = {
    'runtime/src/g/__main__.py':
      'from . import _a, _b\nfrom ._c import x\nimport g._d\nfrom . import (\n    _e,\n    _f,\n)\n',
    ...Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [`runtime/src/g/_${name}.py`, ''])),
  };
  expect(found(unreferencedPythonRule, files)).toEqual([]);
});

test('a module that only itself and a comment know is found', () => {
  const files = {
    'runtime/src/g/__main__.py': 'from ._other import x  # not _lost\n',
    'runtime/src/g/_other.py': '',
    'runtime/src/g/_lost.py': 'from ._lost import y\n',
  };
  expect(found(unreferencedPythonRule, files)).toEqual([
    expect.stringContaining('runtime/src/g/_lost.py:1:'),
  ]);
});
