import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { GalleyError } from '@galley/api/error/galley-error';
import { formatReference, parseReference, type ImageReference } from './reference.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}` as const;

test.each([
  ['registry.example/team/model:v1', 'registry.example', 'team/model', 'v1', undefined],
  ['registry.example:5000/model', 'registry.example:5000', 'model', 'latest', undefined],
  ['localhost/a', 'localhost', 'a', 'latest', undefined],
  ['127.0.0.1:5000/a/b/c:1.0_x-y', '127.0.0.1:5000', 'a/b/c', '1.0_x-y', undefined],
  ['[::1]:5000/a', '[::1]:5000', 'a', 'latest', undefined],
  ['python', 'docker.io', 'library/python', 'latest', undefined],
  ['python:3.11-slim', 'docker.io', 'library/python', '3.11-slim', undefined],
  ['team/model', 'docker.io', 'team/model', 'latest', undefined],
  ['GHCR.io/team/model', 'ghcr.io', 'team/model', 'latest', undefined],
  [`a/b@${digest}`, 'docker.io', 'a/b', undefined, digest],
  [`a.b/c:v@${digest}`, 'a.b', 'c', 'v', digest],
])('%s is read as other tools read it', (text, registry, repository, tag, expected) => {
  expect(parseReference(text)).toEqual({ registry, repository, tag, digest: expected });
});

test.each([
  '',
  ':v1',
  'a.b/',
  'a.b/Model',
  'a.b/model:',
  'a.b/model:-x',
  `a.b/model:${'x'.repeat(129)}`,
  'a.b/model@sha256:00',
  `a.b/model@sha512:${'0'.repeat(128)}`,
  'a..b/model',
  '-a.b/model',
  'a.b:port/model',
  'a.b:99999/model',
  '[:::]/model',
  'A/model',
  'a.b/a//b',
  'a.b/../etc',
  'a.b/a b',
  'https://a.b/c',
  'user:secret@a.b/c',
  `a.b/${'x'.repeat(256)}`,
  'a.b/model\n',
])('%j is refused', (text) => {
  expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }));
});

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/);
const part = fc.stringMatching(/^[a-z0-9]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}$/);
const parts: fc.Arbitrary<ImageReference> = fc.record({
  registry: fc
    .tuple(fc.array(label, { minLength: 2, maxLength: 3 }), fc.option(fc.integer({ min: 1, max: 65535 })))
    .map(([labels, port]) => labels.join('.') + (port === null ? '' : `:${port}`)),
  repository: fc.array(part, { minLength: 1, maxLength: 4 }).map((all) => all.join('/')),
  tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/),
  digest: fc.option(fc.constant(digest), { nil: undefined }),
});

test('every reference that is written is read again as it was', () => {
  fc.assert(
    fc.property(parts, (reference) => {
      expect(parseReference(formatReference(reference))).toEqual(reference);
    }),
  );
});

function readOrRefuse(text: string): ImageReference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof GalleyError && error.code === 'REFERENCE_INVALID') return undefined;
    throw error;
  }
}

test('any text is read or refused, never anything else, and what is read can be written and read', () => {
  const pieces = fc.constantFrom(
    'a',
    'B',
    '0',
    '.',
    ':',
    '/',
    '@',
    '-',
    '_',
    ' ',
    '\n',
    '[',
    ']',
    digest,
    'é',
    '..',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces, { maxLength: 12 }).map((all) => all.join('')),
      ),
      (text) => {
        const reference = readOrRefuse(text);
        fc.pre(reference !== undefined);
        expect(parseReference(formatReference(reference))).toEqual(reference);
        expect(new URL(`https://${reference.registry}/v2/${reference.repository}/tags/list`).pathname).toBe(
          `/v2/${reference.repository}/tags/list`,
        );
      },
    ),
    { numRuns: 2000 },
  );
});
