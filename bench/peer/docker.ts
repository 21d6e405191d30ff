import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { has, timed, tool } from './command.ts';

/** The images of the peer: a Debian with Python and pip, and a repository's. */
export const pipImage = 'galley-bench-pip';

/** A Docker daemon that is only ours. */
export interface Docker {
  /** Milliseconds of a command of its client. */
  timed(args: readonly string[], input?: string): Promise<number>;
  /** What a command of its client printed. */
  text(args: readonly string[]): Promise<string>;
  /** Milliseconds of `docker build` with the classic builder. */
  build(folder: string, tag: string, more?: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

/** What must be on the machine, or why there is no Docker to compare with. */
export function dockerAbsent(): string | undefined {
  if (process.getuid?.() !== 0) return 'Docker: not run, a daemon of our own needs root';
  const missing = ['dockerd', 'containerd', 'docker'].filter((program) => !has(program));
  return missing.length === 0 ? undefined : `Docker: not run, this machine has no ${missing.join(', ')}`;
}

/** Starts a daemon in `folder`. No bridge and no rules: a benchmark must not change the network of the machine. */
export async function openDocker(
  folder: string,
  signal: AbortSignal,
  configuration: Readonly<Record<string, string>> = {},
): Promise<Docker> {
  await mkdir(folder, { recursive: true });
  const host = `unix://${join(folder, 'docker.sock')}`;
  const places = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'run')];
  const network = ['--bridge=none', '--iptables=false', '--ip6tables=false'];
  const daemon = spawn(
    'dockerd',
    ['--host', host, ...places, '--pidfile', join(folder, 'pid'), ...network, '--log-level=error'],
    { stdio: 'ignore' },
  );
  const gone = once(daemon, 'exit');
  const env = { DOCKER_BUILDKIT: '0', DOCKER_CONFIG: join(folder, 'client'), ...configuration };
  const client = (args: readonly string[]): string[] => ['docker', '-H', host, ...args];
  const docker: Docker = {
    timed: (args, input) => timed(client(args), { signal, env, ...(input === undefined ? {} : { input }) }),
    text: async (args) => {
      const [program = '', ...rest] = client(args);
      const options = { env: { ...process.env, ...env }, signal, maxBuffer: 64 << 20 };
      return (await promisify(execFile)(program, rest, options)).stdout;
    },
    build: (context, tag, more = []) =>
      docker.timed(['build', '--network', 'host', ...more, '--tag', tag, context]),
    async close() {
      daemon.kill('SIGTERM');
      await gone;
      // It leaves the namespace of `--network host` mounted, and a mount point cannot be removed.
      await promisify(execFile)('umount', ['--lazy', join(folder, 'run/netns/default')]).catch(
        () => undefined,
      );
    },
  };
  try {
    for (let turn = 0; ; turn += 1) {
      if (daemon.exitCode !== null) throw new Error(`dockerd ended with ${daemon.exitCode}`);
      const up = await docker.text(['version']).then(
        () => true,
        () => false,
      );
      if (up) return docker;
      if (turn > 600) throw new Error('dockerd did not answer within a minute');
      await sleep(100, undefined, { signal });
    }
  } catch (error) {
    await docker.close();
    throw error;
  }
}

/** What both builders begin with: our Debian base as a tar, its Python's pip, this machine's certificates. Not measured. */
export async function makePipImage(docker: Docker, base: string, folder: string): Promise<void> {
  await docker.timed(['import', base, 'galley-bench-base']);
  await mkdir(folder, { recursive: true });
  const wheel = await bundledPip();
  await cp(wheel, join(folder, basename(wheel)));
  const certificates = '/etc/ssl/certs/ca-certificates.crt';
  const trusted = existsSync(certificates);
  if (trusted) await cp(certificates, join(folder, 'ca.crt'));
  const lines = [
    'FROM galley-bench-base',
    'ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin',
    ...(trusted ? ['ENV PIP_CERT=/opt/ca.crt'] : []),
    'COPY . /opt/',
    `RUN python3.11 -m venv --without-pip /venv && python /opt/${basename(wheel)}/pip install --no-index /opt/${basename(wheel)}`,
    'RUN mkdir -p /usr/libexec/s2i /opt/app && printf "set -e\\ncp -R /tmp/src/. /opt/app\\npip install --no-cache-dir -r /opt/app/requirements.txt\\n" > /usr/libexec/s2i/assemble',
    '',
  ];
  await writeFile(join(folder, 'Dockerfile'), lines.join('\n'));
  await docker.build(folder, pipImage);
}

/** The pip that comes with the bootstrap's Python. */
async function bundledPip(): Promise<string> {
  const ask = 'import ensurepip, os; print(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"))';
  const { stdout } = await promisify(execFile)(tool('python', 'python3'), ['-c', ask]);
  const folder = stdout.trim();
  const wheel = (await readdir(folder)).find((name) => name.startsWith('pip-'));
  if (wheel === undefined) throw new Error(`${folder} has no wheel of pip`);
  return join(folder, wheel);
}
