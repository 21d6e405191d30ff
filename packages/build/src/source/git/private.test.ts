import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SourceTree } from '../source-tree.ts';
import { serveGitOverHttp, type GitHttpServer } from '../under-test/http-backend.ts';
import { lfsServer, pointerTo } from '../under-test/lfs-server.ts';
import { commitAll, layFiles, makeRepository, runGit } from '../under-test/repository.ts';
import { sshd, startSshd, type SshServer } from '../under-test/sshd.ts';
import { openGit, type GitSource } from './repository.ts';

let root: string;
let opened = 0;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-private-git-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const repo = (name: string): string => join(root, 'served', name);

async function open(url: string, rest: Partial<GitSource> = {}): Promise<SourceTree> {
  opened += 1;
  const spool = join(root, `spool-${opened}`);
  return openGit({ url, ref: '', contextDir: '', ...rest }, { spool, knownHosts: join(root, 'known_hosts') });
}

const basic = (user: string, token: string): string =>
  `Basic ${Buffer.from(`${user}:${token}`).toString('base64')}`;

/** Every file that lies below a folder, as text. */
async function everything(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((file) => readFile(file, 'latin1')))).join('\n');
}

describe('a private repository over HTTP', () => {
  let server: GitHttpServer;
  const start = async (authorization: string): Promise<void> => {
    server = await serveGitOverHttp(join(root, 'served'), { authorization });
  };
  afterEach(() => server.close());

  it('opens to a token, with a user of its own where the secret names one', async () => {
    const commit = await makeRepository(repo('model'), { 'a.ipynb': '1' });
    await start(basic('oauth2', 'hush-hush'));
    expect((await open(`${server.url}/model`, { secret: 'hush-hush\n' })).commit).toBe(commit);
    await server.close();
    await start(basic('x-token-auth', 'hush:hush'));
    expect((await open(`${server.url}/model`, { secret: 'x-token-auth:hush:hush' })).commit).toBe(commit);
  });

  it('says without a token, or with a wrong one, that it does not let us in, and shows the token to nobody', async () => {
    await makeRepository(repo('model'), { 'a.ipynb': '1' });
    await start(basic('oauth2', 'another'));
    for (const secret of [undefined, 'hush-hush']) {
      const error: unknown = await open(`${server.url}/model`, { secret }).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'SOURCE_UNAUTHORIZED' });
      expect(JSON.stringify(error)).not.toContain('hush-hush');
    }
    const key = { secret: '-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----' };
    await expect(open(`${server.url}/model`, key)).rejects.toThrow(/holds an ssh key/);
    await expect(open(`${server.url}/model`, { secret: 'a\npassword=b' })).rejects.toThrow(/several lines/);
  });

  it('keeps the token out of the arguments of every program and out of every file', async () => {
    const commit = await makeRepository(repo('model'), { 'a.ipynb': '1' });
    const seen: string[] = [];
    server = await serveGitOverHttp(join(root, 'served'), {
      authorization: basic('oauth2', 'hush-hush'),
      before: () => {
        seen.push(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }));
        return false;
      },
    });
    const tree = await open(`${server.url}/model`, { secret: 'hush-hush' });
    expect(seen.join()).toContain('git-remote-http');
    expect(seen.join()).not.toContain('hush-hush');
    expect(await everything(root)).not.toContain('hush-hush');
    expect(JSON.stringify([tree.origin, tree.warnings])).not.toContain('hush-hush');
    expect(tree.commit).toBe(commit);
  });

  it('sends no token over an open network, also for a commit that git checks', async () => {
    const source = { ref: 'a'.repeat(40), secret: 'hush-hush' };
    await start('');
    await expect(open('http://example.org/model.git', source)).rejects.toThrow(/could read the secret/);
  });

  it('shows the token to submodules of the same server only', async () => {
    await start(basic('oauth2', 'hush-hush'));
    const authorizations: (string | undefined)[] = [];
    const elsewhere = createServer((request, response) => {
      authorizations.push(request.headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    }).listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    await makeRepository(repo('lib'), { 'lib.py': 'l' });
    await makeRepository(repo('model'), { 'a.ipynb': '1' });
    runGit(repo('model'), 'submodule', 'add', '-q', '../lib', 'lib');
    commitAll(repo('model'), 'two');
    expect((await open(`${server.url}/model`, { secret: 'hush-hush' })).find('lib/lib.py')).toBeDefined();
    const away = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/lib`;
    runGit(repo('model'), 'config', '-f', '.gitmodules', 'submodule.lib.url', away);
    commitAll(repo('model'), 'three');
    await expect(open(`${server.url}/model`, { secret: 'hush-hush' })).rejects.toMatchObject({
      code: 'SUBMODULE_UNAVAILABLE',
    });
    expect(authorizations.length).toBeGreaterThan(0);
    expect(authorizations.every((value) => value === undefined)).toBe(true);
    elsewhere.closeAllConnections();
    elsewhere.close();
  });

  it('takes the token to no address that the server redirects to', async () => {
    const authorizations: (string | undefined)[] = [];
    const elsewhere = createServer((request, response) => {
      authorizations.push(request.headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    }).listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
    server = await serveGitOverHttp(join(root, 'served'), {
      authorization: basic('oauth2', 'hush-hush'),
      before: (request, response) => {
        response.writeHead(302, { location: `${location}${request.url}` }).end();
        return true;
      },
    });
    await expect(open(`${server.url}/model`, { secret: 'hush-hush' })).rejects.toMatchObject({
      code: 'SOURCE_UNAUTHORIZED',
    });
    expect(authorizations.length).toBeGreaterThan(0);
    expect(authorizations.every((value) => value === undefined)).toBe(true);
    elsewhere.closeAllConnections();
    elsewhere.close();
  });
});

describe('a server that redirects', () => {
  it('leads to where anybody may go, and into no private network', async () => {
    const commit = await makeRepository(repo('model'), { 'a.ipynb': '1' });
    const behind = await serveGitOverHttp(join(root, 'served'));
    const at = (server: GitHttpServer): string => server.url.replace('127.0.0.1', '0.0.0.0');
    const front = await serveGitOverHttp(join(root, 'served'), {
      before: (request, response) => {
        response.writeHead(301, { location: `${at(behind)}${request.url?.replace('/old', '/model')}` }).end();
        return true;
      },
    });
    try {
      // 0.0.0.0 is this machine, and to Galley an address like any other that is private.
      const source = { url: `${at(front)}/old`, ref: commit, contextDir: '' };
      const closed = openGit(source, { spool: join(root, 'closed') });
      await expect(closed).rejects.toMatchObject({ code: 'EGRESS_DENIED' });
      expect(behind.requests).toHaveLength(0);
      const privateHosts = (): Promise<readonly string[]> => Promise.resolve([new URL(at(behind)).host]);
      expect((await openGit(source, { spool: join(root, 'open'), privateHosts })).commit).toBe(commit);
    } finally {
      await front.close();
      await behind.close();
    }
  });
});

describe('a name that means one thing when it is checked and another when git asks', () => {
  /** A name that only our resolver knows: git reaches it only where it was told to. */
  const named = (server: GitHttpServer, name: string): string => server.url.replace('127.0.0.1', name);

  it('is asked once: git connects to the address that was checked', async () => {
    const commit = await makeRepository(repo('model'), { 'a.ipynb': '1' });
    const server = await serveGitOverHttp(join(root, 'served'));
    try {
      const source = { url: `${named(server, 'model.invalid')}/model`, ref: commit, contextDir: '' };
      const resolve = (): Promise<readonly string[]> => Promise.resolve(['127.0.0.1']);
      expect((await openGit(source, { spool: join(root, 'spool'), resolve })).commit).toBe(commit);
    } finally {
      await server.close();
    }
  });

  it('leads a submodule into no private network', async () => {
    const inside = await serveGitOverHttp(join(root, 'served'));
    const outside = await serveGitOverHttp(join(root, 'served'));
    try {
      const at = await makeRepository(repo('inside'), { 'secret.py': 's' });
      await makeRepository(repo('model'), {
        'a.ipynb': '1',
        '.gitmodules': `[submodule "lib"]\n\tpath = lib\n\turl = ${named(inside, 'rebinds.invalid')}/inside\n`,
      });
      runGit(repo('model'), 'update-index', '--add', '--cacheinfo', `160000,${at},lib`);
      runGit(repo('model'), 'commit', '-q', '-m', 'two');
      const commit = runGit(repo('model'), 'rev-parse', 'HEAD');
      let asked = 0;
      const resolve = (host: string): Promise<readonly string[]> => {
        if (host !== 'rebinds.invalid') return Promise.resolve(['127.0.0.1']);
        asked += 1;
        return Promise.resolve([asked === 1 ? '93.184.215.14' : '127.0.0.1']);
      };
      const source = { url: `${named(outside, 'model.invalid')}/model`, ref: commit, contextDir: '' };
      const refused = openGit(source, { spool: join(root, 'spool'), resolve });
      await expect(refused).rejects.toMatchObject({ code: expect.stringMatching(/EGRESS_DENIED|SUBMODULE/) });
      expect(asked).toBeGreaterThan(1);
      expect(inside.requests).toEqual([]);
    } finally {
      await inside.close();
      await outside.close();
    }
  });
});

describe('a name that has no address when it is checked', () => {
  it.each(['http', 'git', 'ssh'])('is not asked over %s: it may have one by then', async (transport) => {
    // git's libraries know by themselves where names below localhost lead.
    const inside = createTcpServer((socket) => {
      connections += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    let connections = 0;
    await once(inside, 'listening');
    try {
      const url = `${transport}://rebinds.localhost:${(inside.address() as AddressInfo).port}/inside`;
      const resolve = (): Promise<readonly string[]> => Promise.resolve([]);
      const source = { url, ref: 'a'.repeat(40), contextDir: '' };
      const refused = openGit(source, { spool: join(root, 'spool'), resolve });
      await expect(refused).rejects.toMatchObject({
        code: 'SOURCE_UNREACHABLE',
        message: 'rebinds.localhost has no address.',
      });
      expect(connections).toBe(0);
    } finally {
      inside.close();
    }
  });
});

describe.skipIf(sshd === undefined)('a private repository over ssh (needs sshd)', () => {
  let server: SshServer;
  const content = Buffer.from('large content');
  afterEach(() => server.close());

  it('opens to a key, which never lies on the disk; the host is remembered', async () => {
    server = await startSshd(join(root, 'sshd'));
    const commit = await makeRepository(repo('model'), { 'a.ipynb': '1' });
    await makeRepository(repo('lib'), { 'lib.py': 'l' });
    runGit(repo('model'), 'submodule', 'add', '-q', '../lib', 'lib');
    const second = commitAll(repo('model'), 'two');
    const url = `ssh://${server.authority}${repo('model')}`;
    const tree = await open(url, { secret: server.key });
    expect([tree.commit, tree.find('lib/lib.py')?.size]).toEqual([second, 1]);
    expect((await open(`${url}#${commit.slice(0, 8)}`, { secret: server.key })).commit).toBe(commit);
    await rm(join(root, 'sshd', 'user'));
    expect(await everything(root)).not.toContain(server.key.split('\n')[2]);
    expect(await readFile(join(root, 'known_hosts'), 'utf8')).toContain(server.knownHost.split(' ')[2]);
  });

  it('is refused without a key, with a wrong one, and with a token', async () => {
    server = await startSshd(join(root, 'sshd'));
    await makeRepository(repo('model'), { 'a.ipynb': '1' });
    const url = `ssh://${server.authority}${repo('model')}`;
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'pass', '-f', join(root, 'locked')]);
    const closed = { code: 'SOURCE_UNAUTHORIZED' };
    await expect(open(url)).rejects.toMatchObject(closed);
    await expect(open(url, { secret: 'token' })).rejects.toThrow(/no private ssh key/);
    await expect(open(url, { secret: await readFile(join(root, 'locked'), 'utf8') })).rejects.toThrow(
      /cannot be used/,
    );
    const broken = server.key.replace(/\n.{20}/, '\nAAAA');
    await expect(open(url, { secret: broken })).rejects.toMatchObject(closed);
  });

  it('is refused when the host is not the one that the secret names', async () => {
    server = await startSshd(join(root, 'sshd'));
    const commit = await makeRepository(repo('model'), { 'a.ipynb': '1' });
    const url = `ssh://${server.authority}${repo('model')}`;
    expect((await open(url, { secret: `${server.key}${server.knownHost}\n` })).commit).toBe(commit);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(root, 'other')]);
    const other = `${server.knownHost.split(' ')[0]} ${await readFile(join(root, 'other.pub'), 'utf8')}`;
    await expect(open(url, { secret: `${server.key}${other}` })).rejects.toThrow(/host key/);
  });

  it('is reached at the address that was checked, under the name that its key belongs to', async () => {
    server = await startSshd(join(root, 'sshd'));
    const commit = await makeRepository(repo('model'), { 'a.ipynb': '1' });
    const url = `ssh://${server.authority.replace('127.0.0.1', 'model.invalid')}${repo('model')}`;
    const secret = `${server.key}${server.knownHost.replace('127.0.0.1', 'model.invalid')}\n`;
    const resolve = (): Promise<readonly string[]> => Promise.resolve(['127.0.0.1']);
    const source = { url, ref: commit, contextDir: '', secret };
    expect((await openGit(source, { spool: join(root, 'spool'), resolve })).commit).toBe(commit);
  });

  it('leaves no agent behind', async () => {
    server = await startSshd(join(root, 'sshd'));
    await makeRepository(repo('model'), { 'a.ipynb': '1' });
    await open(`ssh://${server.authority}${repo('model')}`, { secret: server.key });
    const agents = (): string => execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
    await expect.poll(() => agents().includes(`ssh-agent sh -c ssh-add -q - <&3`)).toBe(false);
  });

  it('has its Git LFS content fetched with what the server hands out', async () => {
    await makeRepository(repo('model'), { 'a.ipynb': '1', 'data.bin': pointerTo(content) });
    const lfs = await serveGitOverHttp(join(root, 'served'), {
      authorization: 'RemoteAuth from-ssh',
      before: lfsServer([content]),
    });
    const answer = JSON.stringify({
      href: `${lfs.url}/x.git/info/lfs`,
      header: { Authorization: 'RemoteAuth from-ssh' },
    });
    server = await startSshd(join(root, 'sshd'), {
      'git-lfs-authenticate': `echo "$@" > ${join(root, 'asked')}; echo '${answer}'`,
    });
    const tree = await open(`ssh://${server.authority}${repo('model')}`, { secret: server.key });
    await lfs.close();
    const file = tree.find('data.bin');
    expect(file && content.equals(await tree.read(file))).toBe(true);
    expect(await readFile(join(root, 'asked'), 'utf8')).toBe(`${repo('model').slice(1)} download\n`);
  });
});

describe('a person who builds on an own machine', () => {
  it('has own git configuration honoured, a server never', async () => {
    const commit = await makeRepository(repo('model'), { 'a.ipynb': '1' });
    const server = await serveGitOverHttp(join(root, 'served'), { authorization: basic('me', 'own-token') });
    const { host } = new URL(server.url);
    await layFiles(join(root, 'home'), {
      '.gitconfig': `[credential "${server.url}"]\n\thelper = "!f() { echo username=me; echo password=own-token; }; f"\n`,
    });
    const module = new URL('./repository.ts', import.meta.url).href;
    const script = (own: boolean): string => `
      import { openGit } from ${JSON.stringify(module)};
      const source = { url: 'http://${host}/model', ref: '', contextDir: '', own: ${own} };
      const tree = await openGit(source, { spool: ${JSON.stringify(join(root, `own-${own}`))} }).catch((e) => e);
      console.log(tree.commit ?? tree.code);`;
    const outcome = async (own: boolean): Promise<string> => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script(own)], {
        env: { PATH: process.env['PATH'], HOME: join(root, 'home') },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const chunks = await child.stdout.toArray();
      return Buffer.concat(chunks as Buffer[])
        .toString()
        .trim();
    };
    expect([await outcome(true), await outcome(false)]).toEqual([commit, 'SOURCE_UNAUTHORIZED']);
    await server.close();
  });
});
