import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { searchSecrets } from '@galley/build/secret/secret-search';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { galley, type Session } from '../cli/galley.ts';
import { fixture } from './build-home.ts';

/** Secrets as a user sets and uses them: they reach the notebook and the service, and nothing that anybody reads. */
const secrets = {
  MODEL_TOKEN: 'tok-5d41402abc4b2a76',
  'warehouse-key': 'line one of the key\nline two: 9f86d081884c',
  SERVICE_ONLY: 'only-for-the-service-03ac',
};
const search = searchSecrets(secrets);

let home: string;
const said: string[] = [];
const run = async (...args: string[]): Promise<Session> => {
  const session = await galley(args, { home });
  said.push(session.stdout, session.stderr);
  return session;
};

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'galley-secrets-'));
});

afterAll(async () => {
  await run('server', 'stop');
  await rm(home, { recursive: true, force: true });
}, 60_000);

/** The names of the secrets whose values are in it. */
function foundIn(content: string | Uint8Array): string | undefined {
  const seeker = search.begin();
  seeker.see(Buffer.from(content));
  return seeker.found;
}

/** Types at a terminal of its own; gives everything that the terminal showed. */
function atTerminal(command: string, typed: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, GALLEY_HOME: home, GALLEY_API_PORT: '0', GALLEY_GATEWAY_PORT: '0' };
    const child = execFile('script', ['-qec', command, '/dev/null'], { env }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
    // Only what is typed after the question is typed without an echo.
    child.stdout?.once('data', () => child.stdin?.write(typed));
  });
}

test('a value is typed without being shown, piped in, or read from a file', { timeout: 60_000 }, async () => {
  const bin = fileURLToPath(new URL('../../bin/galley', import.meta.url));
  const shown = await atTerminal(`${bin} secret set MODEL_TOKEN`, `${secrets.MODEL_TOKEN}\r`);
  expect(shown).toMatch(/Value of MODEL_TOKEN \(not shown\)[^]*Secret MODEL_TOKEN is set \(20 bytes\)/);
  expect(foundIn(shown)).toBeUndefined();
  const path = join(home, 'key.pem');
  await writeFile(path, `${secrets['warehouse-key']}\n`);
  expect((await run('secret', 'set', 'warehouse-key', '--file', path)).stdout).toContain('is set (42 bytes)');
  await rm(path);
  const piped = await galley(['secret', 'set', 'SERVICE_ONLY'], { home, input: `${secrets.SERVICE_ONLY}\n` });
  expect(piped.exitCode).toBe(0);
  const binary = join(home, 'binary');
  await writeFile(binary, Buffer.from([0xff, 0xfe, 0x00]));
  const refused = await run('secret', 'set', 'binary', '--file', binary);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toMatch(/USAGE[^]*not text in UTF-8[^]*base64/);
  expect((await run('secret', 'list', '-o', 'name')).stdout.trim().split('\n')).toEqual([
    'secret/MODEL_TOKEN',
    'secret/SERVICE_ONLY',
    'secret/warehouse-key',
  ]);
});

/** Looks into every process of the machine, again and again, until told to stop; gives those that had a value as an argument. */
async function watchArguments(signal: AbortSignal): Promise<readonly string[]> {
  const guilty = new Set<string>();
  while (!signal.aborted) {
    for (const pid of await readdir('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      const line = await readFile(`/proc/${pid}/cmdline`).catch(() => Buffer.alloc(0));
      const found = foundIn(line);
      if (found !== undefined) guilty.add(`${found}: ${line.toString('utf8').slice(0, 40)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return [...guilty];
}

test('both phases have them, and no process has one as an argument', { timeout: 300_000 }, async () => {
  const watching = new AbortController();
  const guilty = watchArguments(watching.signal);
  const deployed = await run('deploy', fixture('uses-secrets'), '--name', 'uses-secrets');
  expect(deployed.stderr).not.toContain('Error');
  expect(deployed.exitCode).toBe(0);
  const { stdout } = await run('predict', 'uses-secrets', '--json', '{"x": 3}', '-o', 'json');
  const [token, key] = [secrets.MODEL_TOKEN.length, secrets['warehouse-key'].length];
  expect(JSON.parse(stdout)).toEqual({ predictions: [3 * token + key] });
  watching.abort();
  expect(await guilty).toEqual([]);
});

test('what cells print and exceptions quote is told without them', { timeout: 60_000 }, async () => {
  const raised = await run('predict', 'uses-secrets', '--json', '{"x": -1}');
  expect(raised.stderr).toContain('ValueError: cannot reach db://user:[secret]@warehouse?token=[secret]');
  const html = join(home, 'run.html');
  await run('report', 'uses-secrets', '--html', html);
  expect(await readFile(html, 'utf8')).toContain('cell 1 shows [secret] and [secret]');
  said.push(await readFile(html, 'utf8'));
  await run('report', 'uses-secrets', '-o', 'json');
  await run('logs', 'build/uses-secrets-1', '-o', 'json');
  await run('status', 'uses-secrets', '-o', 'json');
  await run('inspect', 'uses-secrets', '-o', 'json');
  await run('image', 'inspect', 'default/uses-secrets:latest', '-o', 'json');
  expect((await run('logs', 'uses-secrets')).stdout).toMatch(/Traceback[^]*ValueError: cannot reach db:/);
  expect(said.filter((text) => foundIn(text) !== undefined)).toEqual([]);
});

test('no file of the home holds one: no layer, unpacked, no log, no record, no database', async () => {
  const guilty: string[] = [];
  let unpacked = 0;
  for (const entry of await readdir(home, { recursive: true, withFileTypes: true })) {
    // Snapshots are the layers once more; a disk is what the workload itself may write.
    if (!entry.isFile() || /\/engine\/snapshots|\.img$/.test(join(entry.parentPath, entry.name))) continue;
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path);
    const isGzip = content.length > 2 && content.readUInt16BE(0) === 0x1f8b;
    if (isGzip) unpacked += 1;
    const found = foundIn(content) ?? (isGzip ? foundIn(gunzipSync(content)) : undefined);
    if (found !== undefined) guilty.push(`${found} in ${path}`);
  }
  expect(guilty).toEqual([]);
  // Base, dependencies, runtime, tools, code, model, bytecode, rehearsed.
  expect(unpacked).toBeGreaterThanOrEqual(8);
});

test('a model that keeps one is refused, and so is a use that cannot be', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'galley-keeps-'));
  await cp(fixture('keeps-secret'), folder, { recursive: true });
  const deploy = async (uses: string): Promise<Session> => {
    await writeFile(join(folder, 'galley.yaml'), `secrets: [${uses}]\n`);
    return run('deploy', folder, '--name', 'keeps');
  };
  const missing = await deploy('{name: token}');
  expect(missing.exitCode).toBe(2);
  expect(missing.stderr).toMatch(/SECRET_NOT_FOUND[^]*no secret token[^]*Next: galley secret set token/);
  const unfit = await deploy('{name: model-token, as: env}');
  expect(unfit.stderr).toMatch(/GALLEY_YAML_INVALID[^]*set the secret as MODEL_TOKEN/);
  await galley(['secret', 'set', 'token'], { home, input: secrets.MODEL_TOKEN });
  const kept = await deploy('{name: token}');
  expect(kept.exitCode).toBe(2);
  expect(kept.stderr).toMatch(/SECRET_IN_MODEL[^]*model\.pkl[^]*\/run\/secrets\/token/);
  expect(foundIn(kept.stderr + kept.stdout)).toBeUndefined();
  await rm(folder, { recursive: true });
});
