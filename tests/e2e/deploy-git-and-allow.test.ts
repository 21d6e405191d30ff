import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { galley, type Session } from '../cli/galley.ts';
import { fixture } from './build-home.ts';

/** Sources and hosts as they are typed: a bare repository by its address, and a host that a notebook needs. One home for all of it. */
let root: string;
let home: string;
let url: string;
let first: string;
let prices: Server;
let pricesRead = 0;
const run = (...args: string[]): Promise<Session> => galley(args, { home });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-typed-'));
  home = join(root, 'home');
  const work = join(root, 'work');
  await cp(fixture('doubles'), join(work, 'models', 'doubles'), { recursive: true });
  git(work, 'init', '-q', '-b', 'main');
  git(work, 'add', '-A');
  git(work, 'commit', '-q', '-m', 'doubles');
  git(work, 'tag', 'v1');
  first = git(work, 'rev-parse', 'HEAD');
  const notebook = join(work, 'models', 'doubles', 'model.ipynb');
  await writeFile(notebook, (await readFile(notebook, 'utf8')).replace('factor = 2', 'factor = 3'));
  git(work, 'commit', '-q', '-a', '-m', 'triples');
  git(root, 'clone', '-q', '--bare', work, join(root, 'team.git'));
  url = `file://${join(root, 'team.git')}`;
  prices = createServer((_request, response) => {
    pricesRead += 1;
    response.end('apple,2\n');
  }).listen(0, '127.0.0.2');
  await once(prices, 'listening');
});

afterAll(async () => {
  await run('server', 'stop');
  prices.close();
  await rm(root, { recursive: true, force: true });
}, 60_000);

function git(cwd: string, ...args: string[]): string {
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', [...who, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

async function answer(name: string): Promise<unknown> {
  return JSON.parse((await run('predict', name, '--json', '{"x": 7}', '-o', 'json')).stdout);
}

test(
  'a branch, a tag and a commit of a repository are deployed by their names',
  { timeout: 300_000 },
  async () => {
    for (const [ref, factor] of [
      ['#main', 3],
      ['#v1', 2],
      ['', 3],
      [`#${first.slice(0, 10)}`, 2],
    ] as const) {
      const deployed = await run('deploy', `${url}${ref}`, '--subdir', 'models/doubles');
      expect(deployed.stderr).not.toContain('Error');
      expect(await answer('team')).toEqual({ predictions: [7 * factor] });
    }
  },
);

test.each([
  ['a ref that is none', ['#mian'], 'REF_NOT_FOUND', /no branch, tag or commit "mian"[^]*Did you mean main/],
  [
    'a folder that is none',
    ['#main', '--subdir', 'models/halves'],
    'SOURCE_NOT_FOUND',
    /no folder models\/halves/,
  ],
])(
  '%s is told, and what is served goes on',
  { timeout: 60_000 },
  async (_what, [ref, ...flags], code, words) => {
    const refused = await run('deploy', `${url}${ref}`, '--name', 'team', ...flags);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain(code);
    expect(refused.stderr).toMatch(words);
    expect(await answer('team')).toEqual({ predictions: [14] });
  },
);

test(
  'a repository that is not there, or lets nobody in, is told by its address',
  { timeout: 60_000 },
  async () => {
    const missing = await run('deploy', `file://${join(root, 'gone.git')}`);
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toMatch(/SOURCE_NOT_FOUND[^]*gone\.git/);
    const forge = createServer((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    }).listen(0, '127.0.0.1');
    await once(forge, 'listening');
    const address = `http://127.0.0.1:${(forge.address() as AddressInfo).port}/private.git`;
    const closed = await run('deploy', address);
    forge.close();
    expect(closed.exitCode).toBe(2);
    expect(closed.stderr).toMatch(/SOURCE_UNAUTHORIZED[^]*galley secret set[^]*--git-secret/);
    const silent = await run('deploy', address);
    expect(silent.exitCode).toBe(3);
    expect(silent.stderr).toMatch(/SOURCE_UNREACHABLE[^]*127\.0\.0\.1/);
  },
);

test(
  'a host is refused with its cell, allowed by --allow, and a private one by the operator alone',
  { timeout: 300_000 },
  async () => {
    const host = `127.0.0.2:${(prices.address() as AddressInfo).port}`;
    const folder = join(root, 'reads-prices');
    await mkdir(folder);
    const notebook = await readFile(join(fixture('asks-refused-host'), 'model.ipynb'), 'utf8');
    await writeFile(
      join(folder, 'model.ipynb'),
      notebook
        .replace(
          'urllib.request.urlopen',
          'predictor = lambda rows: [2 for _ in rows]\\nprices = urllib.request.urlopen',
        )
        .replace('data.example.org:8080', host),
    );
    const refused = await run('deploy', folder);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toMatch(/EGRESS_DENIED[^]*model\.ipynb cell 2 wanted to reach/);
    expect(refused.stderr).toContain(`--allow ${host}`);
    expect((await run('report', 'build/reads-prices-1')).stdout).toMatch(/2 {2}failed/);
    // A repository may list what it likes.
    await writeFile(join(folder, 'galley.yaml'), `egress: {hosts: ["${host}"]}\n`);
    const listed = await run('deploy', folder);
    expect(listed.stderr).toMatch(
      /EGRESS_DENIED[^]*which is allowed, but leads to a private address[^]*private-hosts/,
    );
    await rm(join(folder, 'galley.yaml'));
    await appendFile(join(home, 'private-hosts'), `${host} # the price list\n`);
    const allowed = await run('deploy', folder, '--allow', host);
    expect(allowed.stderr).not.toContain('Error');
    expect((await run('report', 'reads-prices', '-o', 'json')).stdout).toMatch(
      /"cell": ?2,[^}]*"state": ?"done"/,
    );
    expect(pricesRead).toBe(1);
    // Nothing of it changed, but what lies on that host may have.
    expect((await run('deploy', folder)).exitCode).toBe(0);
    expect(pricesRead).toBe(2);
  },
);
