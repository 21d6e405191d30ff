import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Credentials } from './credentials.ts';

/** A helper that asks a person may take a while; one that hangs must not hang us for ever. */
const helperTimeoutMs = 60_000;
const answerMax = 1 << 20;

/** What helpers say when they know nothing of a registry; then we go as nobody (docker-credential-helpers, credentials/error.go). */
const notFoundText = 'credentials not found in native keychain';

/**
 * Asks `docker-credential-NAME get` for a registry. The name of the registry goes in by standard input and the answer comes by
 * standard output, so that no secret is an argument. Throws `CREDENTIAL_HELPER_FAILED`, which never quotes the answer.
 */
export async function askHelper(
  name: string,
  registry: string,
  env: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
): Promise<Credentials | undefined> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    throw failed(name, registry, 'its name is no name of a program');
  const answer = await run(`docker-credential-${name}`, registry, env, signal).catch((error: unknown) => {
    if (signal?.aborted === true) throw error;
    throw failed(name, registry, 'it cannot be started', error);
  });
  if (answer.exitCode !== 0) {
    if (answer.stdout.includes(notFoundText)) return undefined;
    throw failed(name, registry, `it ended with exit code ${answer.exitCode ?? 'by a signal'}`);
  }
  return readAnswer(name, registry, answer.stdout);
}

function readAnswer(name: string, registry: string, text: string): Credentials | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw failed(name, registry, 'its answer is not JSON');
  }
  if (typeof value !== 'object' || value === null || !('Username' in value) || !('Secret' in value)) {
    throw failed(name, registry, 'its answer has no Username and Secret');
  }
  const { Username: username, Secret: secret } = value;
  if (typeof username !== 'string' || typeof secret !== 'string' || secret === '') return undefined;
  // The protocol's mark for a refresh token.
  if (username === '<token>') return { kind: 'identity-token', token: secret };
  return { kind: 'password', username, password: secret };
}

async function run(
  program: string,
  input: string,
  env: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
): Promise<{ exitCode: number | null; stdout: string }> {
  const child = spawn(program, ['get'], {
    env: { ...env },
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: helperTimeoutMs,
    killSignal: 'SIGKILL',
    ...(signal === undefined ? {} : { signal }),
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > answerMax) child.kill('SIGKILL');
    else chunks.push(chunk);
  });
  // A helper that ends without reading breaks the pipe; its exit code says more.
  child.stdin.on('error', () => undefined);
  child.stdin.end(`${input}\n`);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stdout: Buffer.concat(chunks).toString('utf8') };
}

function failed(name: string, registry: string, problem: string, cause?: unknown): GalleyError {
  const text = `The credential helper docker-credential-${name} gave nothing for ${registry}: ${problem}.`;
  return new GalleyError('CREDENTIAL_HELPER_FAILED', text, {
    hint: 'Install the helper, or remove it from ~/.docker/config.json and log in again.',
    details: { helper: name, registry },
    ...(cause === undefined ? {} : { cause }),
  });
}
