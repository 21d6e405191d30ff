import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseChallenges } from './challenge.ts';

test('realm, service and scope are read, quoted or not, and several challenges are told apart', () => {
  expect(
    parseChallenges(
      'Bearer realm="https://a.example/token?x=1,2",service=reg,scope="repository:a/b:pull,push"',
    ),
  ).toEqual([
    {
      scheme: 'bearer',
      parameters: {
        realm: 'https://a.example/token?x=1,2',
        service: 'reg',
        scope: 'repository:a/b:pull,push',
      },
    },
  ]);
  expect(parseChallenges('Basic realm="say \\"hi\\"", Bearer Realm = "b"').map((one) => one.scheme)).toEqual([
    'basic',
    'bearer',
  ]);
  expect(parseChallenges('Negotiate, Basic realm=x').map((one) => one.scheme)).toEqual([
    'negotiate',
    'basic',
  ]);
});

test('rubbish is no challenge and takes no time', () => {
  expect(parseChallenges(undefined)).toEqual([]);
  expect(parseChallenges('"')).toEqual([]);
  expect(parseChallenges('a'.repeat(100_000))).toEqual([]);
  fc.assert(
    fc.property(fc.string({ maxLength: 400 }), (text) => {
      for (const { scheme } of parseChallenges(text)) expect(scheme).toBe(scheme.toLowerCase());
    }),
  );
});
