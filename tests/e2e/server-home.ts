import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@galley/api/http/client';
import type { Application } from '@galley/api/kind/application';
import type { Build } from '@galley/api/kind/build';
import type { Revision } from '@galley/api/kind/revision';
import { clientOf } from '../../packages/cli/src/server/connect.ts';
import { findServer } from '../../packages/cli/src/server/running-server.ts';
import { deploy, type DeployResult } from '../../packages/cli/src/service/deploy.ts';
import { describeSource } from '../../packages/cli/src/service/source-argument.ts';
import { waitUntil } from './wait-until.ts';

const main = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
export const project = 'default';
/** A first build fetches a base; on a machine that does much else it takes minutes. */
const settledMs = 400_000;

/** An application of which everything has happened that was asked for. */
export interface Settled {
  readonly application: Application;
  readonly build: Build;
  readonly revision: Revision;
}

/** A home with `galley server run` as a child of the test, so that it can be killed; commands go to its API as the command line's do. */
export class ServerHome {
  readonly root: string;
  private child: ChildProcess | undefined;
  private connected: Client | undefined;
  /** `http://127.0.0.1:PORT`; of the gateway, which may outlive the server. */
  gateway = '';

  private constructor(root: string) {
    this.root = root;
  }

  static async make(): Promise<ServerHome> {
    return new ServerHome(await mkdtemp(join(tmpdir(), 'galley-server-')));
  }

  get client(): Client {
    if (this.connected === undefined) throw new Error('no server runs in this home');
    return this.connected;
  }

  /** Starts the server and waits until it answers. */
  async start(): Promise<void> {
    const env = { ...process.env, GALLEY_HOME: this.root, GALLEY_API_PORT: '0', GALLEY_GATEWAY_PORT: '0' };
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'server', 'run'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env,
    });
    this.child = child;
    const said: string[] = [];
    child.stderr.on('data', (chunk) => void said.push(String(chunk)));
    const server = await waitUntil('the server answers', async () => {
      if (child.exitCode !== null) throw new Error(`the server ended: ${said.join('')}`);
      const found = await findServer(this.root);
      return found?.pid === child.pid ? found : undefined;
    });
    this.gateway = server.gateway;
    this.connected = await clientOf(this.root, server);
  }

  /** `kill -9`, and waits until the process is gone. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Ends the server by a signal (Ctrl-C: SIGINT); its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (child === undefined) return null;
    this.child = undefined;
    this.connected = undefined;
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill(signal);
      await gone;
    }
    return child.exitCode;
  }

  /** `galley deploy --detach`: uploads the folder and gives back as soon as its build exists; with `wait` when it serves. */
  async deploy(path: string, name: string, { wait = false } = {}): Promise<DeployResult> {
    const source = await describeSource(path, { cwd: '/', include: [], name, subdir: undefined });
    return deploy(this.client, source, {
      project,
      allow: [],
      wait,
      emit: () => undefined,
      signal: new AbortController().signal,
    });
  }

  /** Waits until a build has ended and, if it succeeded, its revision has the traffic and is the only one with replicas. */
  settled(name: string, build: string): Promise<Settled> {
    const ask = async (): Promise<Settled | undefined> => {
      const made = await this.client.get('Build', project, build);
      if (made?.status.phase === 'Failed')
        throw new Error(`${build} failed: ${JSON.stringify(made.status.error)}`);
      const application = await this.client.get('Application', project, name);
      const revisions = await this.client.list('Revision', project);
      const revision = revisions.find((one) => one.metadata.name === application?.status.servingRevision);
      const others = revisions.filter((one) => one !== revision && one.status.replicas.length > 0);
      const ready = application?.status.conditions.find((one) => one.type === 'Ready');
      if (made === undefined || application === undefined || revision === undefined) return undefined;
      const done = ready?.status === 'True' && revision.spec.build === build && revision.status.serving;
      return done && others.length === 0 ? { application, build: made, revision } : undefined;
    };
    return waitUntil(`${build} serves`, ask, settledMs);
  }

  /** One request through the gateway; the predictions. Throws for everything but an answer. */
  async predict(name: string, row: Readonly<Record<string, unknown>>): Promise<unknown> {
    const response = await fetch(`${this.gateway}/apps/${project}/${name}/invocations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ dataframe_records: [row] }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    return (JSON.parse(text) as { predictions: unknown }).predictions;
  }

  /** Deletes an application and waits until it is gone. */
  async delete(name: string): Promise<void> {
    await this.client.delete('Application', project, name, { propagation: 'Foreground' });
    await waitUntil(`${name} is gone`, async () =>
      (await this.client.get('Application', project, name)) === undefined ? true : undefined,
    );
  }

  /** What the server wrote down of its own faults. */
  faults(): Promise<string> {
    return readFile(join(this.root, 'control.log'), 'utf8').catch(() => '');
  }

  async dispose(): Promise<void> {
    if (this.child === undefined) await this.start();
    for (const { metadata } of await this.client.list('Application', project))
      await this.delete(metadata.name);
    await this.end('SIGTERM');
    await rm(this.root, { recursive: true, force: true });
  }
}
