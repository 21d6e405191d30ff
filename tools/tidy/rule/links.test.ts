import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { linksRule } from './links.ts';

test('links to files, folders, headings and the web pass', () => {
  const files = {
    'docs/a.md': '# A b, c\n[x](../tools) [x](b.md#the-heading) [x](#a-b-c) [x](https://example.org/none)\n',
    'docs/b.md': '## The heading\n',
    'tools/x.ts': '',
  };
  expect(found(linksRule, files)).toEqual([]);
});

test('a link to a missing file or heading is found with its line', () => {
  const files = { 'docs/a.md': '\n[x](gone.md)\n![x](picture.png)\n[x](b.md#gone)\n', 'docs/b.md': '' };
  expect(found(linksRule, files)).toEqual([
    expect.stringContaining('docs/a.md:2: gone.md leads nowhere'),
    expect.stringContaining('docs/a.md:3: picture.png leads nowhere'),
    expect.stringContaining('docs/a.md:4: docs/b.md has no heading #gone'),
  ]);
});

test('what looks like a link in code is none', () => {
  expect(found(linksRule, { 'a.md': '`[x](gone.md)`\n```\n[x](gone.md)\n```\n' })).toEqual([]);
});
