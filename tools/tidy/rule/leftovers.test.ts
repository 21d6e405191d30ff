import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { leftoversRule } from './leftovers.ts';

// Put together here, so that this file does not find itself.
const only = ['test', 'only'].join('.');
const note = ['TO', 'DO'].join('');
const folder = `/${['ro', 'ot'].join('')}/`;
const host = ['py', 'pi.org'].join('');

test('a narrowed test, a note to oneself, a path of one machine and a registry are found', () => {
  const files = {
    'a.test.ts': `${only}('x', () => {});\n`,
    'b.ts': `\n// ${note}: later\n`,
    'c.md': `see ${folder}notes\n`,
    'd.py': `index = "https://${host}/simple"\n`,
  };
  expect(found(leftoversRule, files).map((finding) => finding.split(' ')[0])).toEqual([
    'a.test.ts:1:',
    'b.ts:2:',
    'c.md:1:',
    'd.py:1:',
  ]);
});

test('the same words inside other paths and words pass', () => {
  const files = {
    'a.ts': `const upper = \`\${dir}${folder}x\`; const inside = '/proc/1${folder}etc'; const notes = '${note}NT';\n`,
  };
  expect(found(leftoversRule, files)).toEqual([]);
});
