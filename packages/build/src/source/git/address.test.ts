import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTransport, parseGitAddress, resolveSubmodule, sshTarget } from './address.ts';
import { submoduleAddress } from './submodules.ts';

describe('the address of a submodule', () => {
  const guard = { privateHosts: () => Promise.resolve([]), resolve: () => Promise.resolve(['10.0.0.5']) };
  const at = (parent: string, url: string): Promise<unknown> =>
    submoduleAddress(parseGitAddress(parent), url, 'a'.repeat(40), guard);

  it.each(['https://10.0.0.5/lib.git', 'git@inner.example.org:lib.git', 'ssh://git@[fd00::1]:2222/lib.git'])(
    'leads a server into no private network: %s',
    async (url) => {
      await expect(at('https://example.org/team/model.git', url)).rejects.toMatchObject({
        code: 'EGRESS_DENIED',
      });
    },
  );

  it('may be on the private server that the repository came from', async () => {
    expect(await at('https://git.example.org/team/model.git', '../lib.git')).toMatchObject({
      address: { url: 'https://git.example.org/team/lib.git' },
      sameServer: true,
    });
  });
});

describe('the address of a git repository', () => {
  it.each([
    ['https://example.org/team/model.git', 'https', 'https://example.org/team/model.git', ''],
    ['https://example.org/team/model.git#v1.2', 'https', 'https://example.org/team/model.git', 'v1.2'],
    ['https://anna@example.org/team/model.git', 'https', 'https://example.org/team/model.git', ''],
    [
      'git+https://example.org/team/model.git@v1#egg=model',
      'https',
      'https://example.org/team/model.git',
      'v1',
    ],
    ['git+ssh://git@example.org/team/model.git@main', 'ssh', 'ssh://git@example.org/team/model.git', 'main'],
    ['git@example.org:team/model.git#feature/x', 'ssh', 'git@example.org:team/model.git', 'feature/x'],
    ['example.org:model.git', 'ssh', 'example.org:model.git', ''],
    ['git@[::1]:model.git', 'ssh', 'git@[::1]:model.git', ''],
    ['ssh://git@example.org:2222/~/model.git', 'ssh', 'ssh://git@example.org:2222/~/model.git', ''],
    ['file:///srv/git/a b.git#v1', 'file', 'file:///srv/git/a b.git', 'v1'],
    ['/srv/git/model.git', 'file', '/srv/git/model.git', ''],
    ['git://127.0.0.1:9418/model.git', 'git', 'git://127.0.0.1:9418/model.git', ''],
  ])('%s is read', (text, transport, url, fragment) => {
    expect(parseGitAddress(text)).toMatchObject({ transport, url, fragment });
  });

  it.each([
    'ext::sh -c true',
    'fd::3/x',
    '--upload-pack=touch x',
    '-oProxyCommand=touch x:y',
    'git@-oProxyCommand=x:y',
    'ssh://-oProxyCommand=x/y',
    'ssh://-x@example.org/y',
    'git@example.org:-x',
    'ftp://example.org/a.git',
    'file://other/srv/a.git',
    'https:///a.git',
    'https://example.org/a\n.git',
    'model',
    '',
  ])('%j is refused', (text) => {
    expect(() => parseGitAddress(text)).toThrow(expect.objectContaining({ code: 'SOURCE_REFUSED' }));
  });

  it.each([
    'https://anna:hush-hush@example.org/a.git',
    'https://ghp_hushhushhushhush@example.org/a.git',
    'ssh://anna:hush-hush@example.org/a.git',
  ])('with a secret in it is refused, and the secret is not repeated: %s', (text) => {
    const error: unknown = (() => {
      try {
        return parseGitAddress(text);
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED' });
    expect(JSON.stringify(error) + String(error)).not.toMatch(/hush/);
  });

  it('without encryption is for this machine, or for a commit that is named in full', () => {
    const commit = 'a'.repeat(40);
    const rules =
      (url: string, ref: string, local = false) =>
      (): void =>
        checkTransport(parseGitAddress(url), { local, ref });
    const refused = expect.objectContaining({ code: 'SOURCE_REFUSED' });
    expect(rules('http://example.org/a.git', 'main')).toThrow(refused);
    expect(rules('git://example.org/a.git', 'aaaaaaa')).toThrow(refused);
    expect(rules('http://localhost.example.org/a.git', '')).toThrow(refused);
    for (const open of ['http://example.org/a.git', 'git://example.org/a.git'])
      expect(rules(open, commit)).not.toThrow();
    expect(rules('http://127.0.0.1:3000/a.git', 'main')).not.toThrow();
    expect(rules('/srv/a.git', '')).toThrow(refused);
    expect(rules('/srv/a.git', '', true)).not.toThrow();
  });

  it.each([
    ['https://example.org/team/model.git', '../data.git', 'https://example.org/team/data.git'],
    ['https://example.org/team/model.git/', './data', 'https://example.org/team/model.git/data'],
    ['https://example.org/team/model.git', '../../other/data.git', 'https://example.org/other/data.git'],
    ['git@example.org:team/model.git', '../data.git', 'git@example.org:team/data.git'],
    ['git@example.org:model.git', '../data.git', 'git@example.org:data.git'],
    ['/srv/git/model', '../data', '/srv/git/data'],
    ['https://example.org/a', 'https://other.org/b', 'https://other.org/b'],
  ])('of a submodule of %s: %s', (parent, url, expected) => {
    expect(resolveSubmodule(parent, url)).toBe(expected);
  });

  it('of a submodule leads nowhere above the root', () => {
    expect(() => resolveSubmodule('https://example.org/a.git', '../../../b')).toThrow(/above/);
    expect(() => resolveSubmodule('/a', '../../b')).toThrow(/above/);
  });

  it('tells ssh its host, port and path apart', () => {
    const targetOf = (text: string): unknown => sshTarget(parseGitAddress(text));
    expect(targetOf('git@example.org:team/a.git')).toEqual({
      host: 'git@example.org',
      port: '',
      path: 'team/a.git',
    });
    expect(targetOf('ssh://git@example.org:22022/team/a.git')).toEqual({
      host: 'git@example.org',
      port: '22022',
      path: 'team/a.git',
    });
  });

  it('never lets an option or a second program through, whatever the text', () => {
    let accepted = 0;
    const runs = 2000;
    const piece = fc.constantFrom(
      'ext::',
      '-',
      '--',
      'git@',
      'ssh://',
      'https://',
      ':',
      '/',
      '@',
      'host',
      'a.git',
      '#',
      ' ',
      '%00',
      '\n',
      '..',
      'u:p',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        let address;
        try {
          address = parseGitAddress(pieces.join(''));
        } catch {
          return;
        }
        accepted += 1;
        expect(address.url).not.toMatch(/^-|^[A-Za-z0-9+.-]*::|[\n\0]/);
        expect(address.host).not.toMatch(/^-/);
        expect(address.url).not.toMatch(/^[a-z+.-]+:\/\/[^/@]*:[^/@]*@/);
      }),
      { numRuns: runs },
    );
    // Fuzzed inputs are counted in the test's own words (the wish), and some of them must have been addresses.
    expect({ runs, some: accepted > 0 }).toEqual({ runs: 2000, some: true });
  });
});
