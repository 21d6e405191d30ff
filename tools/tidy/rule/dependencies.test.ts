import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { dependenciesRule } from './dependencies.ts';

const manifests = {
  'package.json': '{"devDependencies": {"vitest": "1.0.0"}}',
  'packages/api/package.json': '{\n"dependencies": {"@galley/x": "*", "typebox": "1.0.0"}}',
  'tools/bootstrap/debian-packages.txt': '# comment\nrunc\ngit test\na-common|b-common\n',
  'tools/bootstrap/python-requirements.in': '# comment\nnumpy\n',
};

test('what is declared and explained passes; our own packages need no line', () => {
  const page = ['vitest', 'typebox', 'runc', 'git', 'a-common', 'numpy']
    .map((name) => `- ${name} — why\n`)
    .join('');
  expect(found(dependenciesRule, { ...manifests, 'docs/dependencies.md': page })).toEqual([]);
});

test('what is declared only, explained only, or explained twice is found', () => {
  const page =
    '- vitest — why\n- runc — why\n- git — why\n- a-common — why\n- gone — why\n- vitest — again\n- numpy —\n';
  expect(found(dependenciesRule, { ...manifests, 'docs/dependencies.md': page })).toEqual([
    expect.stringContaining('packages/api/package.json:2: typebox is not explained'),
    expect.stringContaining('tools/bootstrap/python-requirements.in:2: numpy is not explained'),
    expect.stringContaining('docs/dependencies.md:5: gone is no dependency'),
    expect.stringContaining('docs/dependencies.md:6: vitest is explained twice'),
  ]);
});
