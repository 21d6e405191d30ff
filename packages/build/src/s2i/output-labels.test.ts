import { expect, test } from 'vitest';
import { mergeLabels, parseMetadata } from './output-labels.ts';
import { parseArtifacts } from './runtime-image.ts';

test('labels of assemble win over those of the build, and those over the image', () => {
  expect(
    mergeLabels({ a: 'image', b: 'image', c: 'image' }, { b: 'build', c: 'build' }, { c: 'assemble' }),
  ).toEqual({
    a: 'image',
    b: 'build',
    c: 'assemble',
  });
  expect(() => mergeLabels({ a: 'x'.repeat(10_240) })).toThrow(/10241 bytes/);
});

test('what assemble says is read or refused', () => {
  expect(parseMetadata(undefined)).toEqual({});
  expect(parseMetadata(Buffer.from('{"labels": [{"a": "1"}, {"b": "2", "c": "3"}]}'))).toEqual({
    a: '1',
    b: '2',
    c: '3',
  });
  for (const text of ['', '[]', '{"labels": {}}', '{"labels": [1]}', '{"labels": [{"a": 1}]}'])
    expect(() => parseMetadata(Buffer.from(text)), text).toThrow(/image_metadata/);
});

test('artifacts are absolute paths and folders below', () => {
  expect(parseArtifacts('/a/b.war:deployments; /c/ ;;/d:.')).toEqual([
    { source: '/a/b.war', target: 'deployments' },
    { source: '/c', target: '' },
    { source: '/d', target: '' },
  ]);
  for (const text of ['relative', '/a:../up', '/a:/abs', '/a/*.war'])
    expect(() => parseArtifacts(text), text).toThrow(/is no artifact/);
});
