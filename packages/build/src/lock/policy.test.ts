import { describe, expect, it } from 'vitest';
import { parseRequirement } from '../recipe/requirement.ts';
import { allowIndexes } from './allow-indexes.ts';
import { HashPolicy } from './hash-policy.ts';
import type { LockRequest } from './lock-request.ts';
import { missingWheels } from './explain-failure.ts';
import { availabilityOf } from './wheel-availability.ts';
import { parseWheelName } from './wheel-name.ts';

const machine = {
  url: 'https://mirror.example.org/simple',
  extra: ['https://team.example.org/simple/'],
  standard: () => Promise.resolve('https://standard.example.org/simple'),
};
const request = (
  url: string,
  allowedIndexes: readonly string[] = [],
): Pick<LockRequest, 'indexes' | 'allowedIndexes'> => ({
  indexes: [{ url, kind: 'index', from: 'requirements.txt line 1' }],
  allowedIndexes,
});

describe('an index that a repository names', () => {
  it.each([machine.url, 'https://team.example.org/simple', 'https://standard.example.org/simple/'])(
    'is nothing new when it is %s',
    async (url) => {
      expect(await allowIndexes(request(url), machine)).toEqual({ indexes: [], links: [] });
    },
  );

  it('is asked when it was allowed', async () => {
    const url = 'https://other.example.org/simple';
    expect(await allowIndexes(request(url, [`${url}/`]), machine)).toEqual({ indexes: [url], links: [] });
  });

  it.each([
    'https://other.example.org/simple',
    'https://mirror.example.org/simple/evil',
    './local',
    'file:///srv/index',
  ])('is refused when it is %s', async (url) => {
    await expect(allowIndexes(request(url), machine)).rejects.toMatchObject({
      code: 'INDEX_NOT_ALLOWED',
      details: { index: url, from: 'requirements.txt line 1' },
    });
  });
});

describe('demanded hashes', () => {
  const [right, wrong] = ['a'.repeat(64), 'b'.repeat(64)];
  const policy = new HashPolicy({
    requirements: [parseRequirement('idna==3.6', 'requirements.txt line 1', [right])],
    running: [],
    constraints: [],
    prerelease: false,
    target: { python: '3.11', machine: 'x86_64' },
  });

  it('let one file through, and what nobody wrote a hash for', () => {
    expect([policy.allows('idna', right), policy.allows('idna', wrong), policy.allows('six', wrong)]).toEqual(
      [true, false, true],
    );
  });

  it('are held against the source of what is built, not against its wheel', () => {
    const sdist = {
      name: 'idna',
      version: '3.6',
      filename: 'idna-3.6.tar.gz',
      url: '',
      size: 1,
      sha256: wrong,
    };
    expect(() => policy.checkSdist(sdist)).toThrow(
      expect.objectContaining({
        code: 'HASH_MISMATCH',
        details: expect.objectContaining({ from: 'requirements.txt line 1' }) as unknown,
      }) as Error,
    );
    policy.checkSdist({ ...sdist, sha256: right });
    policy.built('idna');
    expect(policy.allows('idna', wrong)).toBe(true);
  });
});

describe('the name of a file', () => {
  it.each([
    '../../x-1.0-py3-none-any.whl',
    'x\n--index-url=evil-1.0-py3-none-any.whl',
    'x -1.0-py3-none-any.whl',
  ])('is no wheel’s when it is %j', (filename) => {
    expect(parseWheelName(filename)).toBeUndefined();
  });
});

describe('which wheels there are', () => {
  const file = (
    version: string,
    tag: string,
    uploadTime?: string,
  ): Parameters<typeof availabilityOf>[0][number] => ({
    filename: `x-${version}-${tag}.whl`,
    url: '',
    sha256: undefined,
    size: 0,
    requiresPython: undefined,
    uploadTime,
  });
  const files = [
    file('1.0', 'cp36-cp36m-manylinux1_x86_64', '2018-01-01T00:00:00Z'),
    file('1.0', 'cp37-cp37m-macosx_10_9_x86_64'),
    file('1.5', 'cp311-cp311-manylinux_2_17_x86_64', '2023-01-01T00:00:00Z'),
    file('2.0', 'cp311-cp311-manylinux_2_17_x86_64', '2024-01-01T00:00:00Z'),
    file('3.0rc1', 'cp311-cp311-manylinux_2_17_x86_64'),
  ];
  const target = { python: '3.11', machine: 'x86_64' };

  it('names the Pythons of this machine’s wheels, and the nearest versions that fit', () => {
    expect(availabilityOf(files, '1.0', target)).toEqual({
      fits: false,
      hasWheels: true,
      pythons: ['3.6'],
      nearest: ['1.5', '2.0'],
    });
    expect(availabilityOf(files, '2.0.0', target)).toMatchObject({ fits: true, nearest: ['1.5', '2.0'] });
  });

  it('knows nothing that was published later', () => {
    expect(availabilityOf(files, '1.0', target, '2023-06-01T00:00:00Z').nearest).toEqual(['1.5']);
  });

  it('is not what a conflict between others is about', () => {
    const said =
      'Because a depends on b==1 and all of: c>=6.0.0,<=6.0.1 c==6.20.0 have no usable wheels, we can conclude that a and d are incompatible.';
    expect(missingWheels(said)).toEqual([]);
  });
});
