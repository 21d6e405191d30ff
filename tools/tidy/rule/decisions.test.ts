import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { decisionsRule } from './decisions.ts';

const shape = '# 0001: Title\n\n## Context\n\n## Decision\n\n## Consequences\n';

test('a numbered page in the shape of a decision passes', () => {
  expect(found(decisionsRule, { 'docs/adr/0001-vocabulary.md': shape })).toEqual([]);
});

test('a doubled number, a missing or misplaced heading, a missing title and a wrong name are found', () => {
  const files = {
    'docs/adr/0001-a.md': shape,
    'docs/adr/0001-b.md': shape,
    'docs/adr/0002-c.md': shape.replace('## Decision', '## Choice'),
    'docs/adr/0003-d.md': '# Title\n## Decision\n## Context\n## Consequences\n',
    'docs/adr/0004-e.md': shape.replace('# 0001: ', ''),
    'docs/adr/why.md': shape,
  };
  expect(found(decisionsRule, files)).toEqual([
    expect.stringContaining('docs/adr/0001-b.md:1: docs/adr/0001-a.md has this number'),
    expect.stringContaining('docs/adr/0002-c.md:1: needs the headings'),
    expect.stringContaining('docs/adr/0003-d.md:1: needs the headings'),
    expect.stringContaining('docs/adr/0004-e.md:1: begins without a title'),
    expect.stringContaining('docs/adr/why.md:1: is not named like a decision'),
  ]);
});
