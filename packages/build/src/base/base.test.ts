import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAptUris, toLockedPackage } from './apt-uris.ts';
import { baseLockDigest, readBaseLock, supportedPythons } from './base-lock.ts';
import { findMirrors } from './mirrors.ts';
import { systemFiles } from './system-files.ts';

describe('the lock of a base', () => {
  it.each(supportedPythons)(
    'is committed for Python %s on both architectures, with hashes and without hosts',
    async (python) => {
      for (const architecture of ['amd64', 'arm64']) {
        const lock = await readBaseLock(python, architecture);
        expect(lock.packages.map(({ name }) => name)).toContain(`python${python}`);
        for (const item of lock.packages) {
          expect(item.sha256).toMatch(/^[0-9a-f]{64}$/);
          expect(item.path).toMatch(/^pool\//);
        }
      }
    },
  );

  it('is the same base wherever its packages lie', async () => {
    const lock = await readBaseLock('3.11', 'amd64');
    const moved = {
      ...lock,
      packages: lock.packages.map((item) => ({ ...item, path: `pool/x/${item.name}` })),
    };
    expect(baseLockDigest(moved)).toBe(baseLockDigest(lock));
  });

  it('says what to do for an architecture that nobody locked', async () => {
    await expect(readBaseLock('3.11', 'riscv64')).rejects.toMatchObject({ code: 'BASE_UNAVAILABLE' });
  });
});

describe('what apt says', () => {
  it('becomes packages with epoch, archive and path', () => {
    const sha256 = 'ab'.repeat(32);
    const [uri] = parseAptUris(
      `Reading…\n'http://mirror.example.org/debian-security/pool/updates/main/g/gmp/libgmp10_6.2.1%2bdfsg1-1_amd64.deb' libgmp10_2%3a6.2.1+dfsg1-1_amd64.deb 562588 SHA256:${sha256}\n`,
    );
    expect(uri && toLockedPackage(uri)).toEqual({
      name: 'libgmp10',
      version: '2:6.2.1+dfsg1-1',
      archive: 'security',
      path: 'pool/updates/main/g/gmp/libgmp10_6.2.1+dfsg1-1_amd64.deb',
      size: 562588,
      sha256,
    });
  });
});

describe('the mirrors of a machine', () => {
  it('are read from both formats of apt, with the own mirror first', async () => {
    const etc = await mkdtemp(join(tmpdir(), 'galley-etc-'));
    await mkdir(join(etc, 'sources.list.d'));
    await writeFile(
      join(etc, 'sources.list'),
      'deb [arch=amd64] http://old.example.org/debian/ bookworm main\n# deb http://no/ x\n',
    );
    await writeFile(
      join(etc, 'sources.list.d', 'a.sources'),
      'Types: deb\nURIs: http://sec.example.org/debian-security\nSuites: bookworm-security\n\nTypes: deb\nEnabled: no\nURIs: http://off.example.org/debian\nSuites: x\n',
    );
    const mirrors = await findMirrors({ GALLEY_DEBIAN_MIRROR: 'https://own.example.org/debian' }, etc);
    await rm(etc, { recursive: true });
    expect(mirrors.main).toEqual(['https://own.example.org/debian', 'http://old.example.org/debian']);
    expect(mirrors.security[0]).toBe('https://own.example.org/debian-security');
    expect(mirrors.security).toContain('http://sec.example.org/debian-security');
  });
});

describe('the mirrors of a machine that runs Ubuntu', () => {
  it('are never the archive of Ubuntu, which has other files at the same paths, but the one that python-apt knows', async () => {
    const etc = await mkdtemp(join(tmpdir(), 'galley-etc-'));
    await writeFile(
      join(etc, 'sources.list'),
      'deb http://ubuntu.example.org/ubuntu noble main universe\ndeb http://ubuntu.example.org/ubuntu noble-security main\n',
    );
    const template = join(etc, 'Debian.info');
    await writeFile(
      template,
      'Suite: {series}\nRepositoryType: deb\nBaseURI: https://deb.example.org/debian/\n',
    );
    const known = await findMirrors({}, etc, template);
    const unknown = await findMirrors({}, etc, join(etc, 'none'));
    await rm(etc, { recursive: true });
    expect(known).toEqual({
      main: ['https://deb.example.org/debian'],
      security: ['https://deb.example.org/debian-security'],
    });
    expect(unknown).toEqual({ main: [], security: [] });
  });
});

describe('what maintainer scripts would have made', () => {
  const entries = systemFiles({
    python: '3.11',
    interpreter: '/usr/bin/python3.11',
    certificates: [Buffer.from('one\n'), Buffer.from('two\n')],
    controls: ['Package: dash\nVersion: 1'],
  });
  const entry = (path: string) => entries.find((candidate) => candidate.path === path);
  const text = (path: string): string => Buffer.from(entry(path)?.content?.() as Buffer).toString('utf8');

  it('lets group 0 write to home and to nothing of the system', () => {
    expect(entry('home/galley/app')?.mode).toBe(0o775);
    expect(entry('etc')?.mode).toBe(0o755);
    expect(entry('opt/galley/env/bin')?.mode).toBe(0o755);
  });

  it('joins the certificates and lists the packages as installed', () => {
    expect(text('etc/ssl/certs/ca-certificates.crt')).toBe('one\ntwo\n');
    expect(text('var/lib/dpkg/status')).toContain('Package: dash\nStatus: install ok installed');
  });
});
