import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { adaptersRule } from './adapters.ts';

const importsRunc = "import { runcEngine } from '@galley/engine/runc/runc-engine';\n";

test('only a main.ts, tests and benchmarks choose an adapter', () => {
  const files = {
    'packages/control/src/main.ts': importsRunc,
    'packages/control/src/serve.test.ts': importsRunc,
    'bench/start.ts': importsRunc,
    'packages/engine/src/runc/start.ts': "import { x } from './runc-engine.ts';\n",
  };
  expect(found(adaptersRule, files)).toEqual([]);
});

test('any other file that imports an adapter is found', () => {
  expect(found(adaptersRule, { 'packages/build/src/train.ts': importsRunc })).toEqual([
    expect.stringContaining(
      'packages/build/src/train.ts:1: packages/engine/src/runc/runc-engine.ts is an adapter',
    ),
  ]);
});

test('adapters do not know each other', () => {
  const files = { 'packages/engine/src/memory/a.ts': "import { b } from '../runc/b.ts';\n" };
  expect(found(adaptersRule, files)).toHaveLength(1);
});
