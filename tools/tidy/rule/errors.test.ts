import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { errorsRule } from './errors.ts';

const table = "export const imageErrorCodes = {\n  BLOB_MISSING: { sort: 'environment', status: 404 },\n};\n";
const path = 'packages/api/src/error/image-codes.ts';

test('a table and a page that say the same pass', () => {
  const files = {
    [path]: table,
    'docs/errors.md': '# image\n\n## BLOB_MISSING\n\n# service\n\n## NOT_FOUND\n',
    'runtime/src/galley_runtime/_errors.py': '__all__ = ["TABLE"]\nTABLE = {\n    "NOT_FOUND": 404,\n}\n',
  };
  expect(found(errorsRule, files)).toEqual([]);
});

test('a code without a section is found where the code is', () => {
  expect(found(errorsRule, { [path]: table, 'docs/errors.md': '# image\n' })).toEqual([
    expect.stringContaining(`${path}:2: BLOB_MISSING has no section`),
  ]);
});

test('a section without a code, under another room or twice, is found where the section is', () => {
  const page = '# image\n## BLOB_MISSING\n## BLOB_MISSING\n## GONE\n# engine\n## BLOB_MISSING\n';
  expect(found(errorsRule, { [path]: table, 'docs/errors.md': page })).toEqual([
    expect.stringContaining('docs/errors.md:4: GONE is no code of image'),
    expect.stringContaining('docs/errors.md:6: BLOB_MISSING is no code of engine'),
    expect.stringContaining('docs/errors.md:3: BLOB_MISSING has two sections'),
  ]);
});

test("a code of the service's Python table needs its section too", () => {
  const files = {
    'runtime/src/galley_runtime/_errors.py': 'TABLE = {\n    "INVALID_ROW": 422,\n}\n',
    'docs/errors.md': '# service\n',
  };
  expect(found(errorsRule, files)).toEqual([
    expect.stringContaining('_errors.py:2: INVALID_ROW has no section'),
  ]);
});
