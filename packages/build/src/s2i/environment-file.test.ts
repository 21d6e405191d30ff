import { expect, test } from 'vitest';
import { parseEnvironmentFile, parseVariable } from './environment-file.ts';

test('lines are taken as they are: nothing is quoted, expanded or split twice', () => {
  const text =
    '\uFEFFA=1\r\n  B = "two words" \nC=x=y\n# D=4\n//E=5\nF=\nno assignment\n=nameless\nG=$A\n9=x\n';
  expect(parseEnvironmentFile(text, ['#', '//'])).toEqual({
    variables: [
      ['A', '1'],
      ['B', '"two words"'],
      ['C', 'x=y'],
      ['F', ''],
      ['G', '$A'],
    ],
    odd: [7, 8, 10],
  });
  expect(parseEnvironmentFile('//E=5', ['#']).odd).toEqual([1]);
});

test('a flag says a name and a value', () => {
  expect(parseVariable('A= spaced ')).toEqual(['A', ' spaced ']);
  for (const text of ['A', '=x', 'a b=c', '']) expect(parseVariable(text)).toBeUndefined();
});
