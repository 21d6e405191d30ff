import { setTimeout as sleep } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Emit } from '@galley/api/event';
import type { Client } from '@galley/api/http/client';
import type { Application, ApplicationSpec } from '@galley/api/kind/application';
import type { Build, BuildObjectStatus } from '@galley/api/kind/build';
import type { Revision } from '@galley/api/kind/revision';
import { deployedAtAnnotation } from '@galley/control/kind/build/annotations';
import { followBuild } from './follow-build.ts';
import { ownSource } from './own-source.ts';
import type { SourceArgument } from './source-argument.ts';
import { serviceUrl } from './predict.ts';
import { uploadSource } from './upload-source.ts';

export interface DeployOptions {
  readonly project: string;
  readonly allow: readonly string[];
  /** The secret that opens a private git repository. */
  readonly gitSecret?: string | undefined;
  /** False: gives back as soon as the build exists. */
  readonly wait: boolean;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Laid over the application's spec; the story marks its own so. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface DeployResult {
  readonly application: string;
  readonly build: string | undefined;
  readonly revision: string | undefined;
  readonly image: string | undefined;
  readonly layers: BuildObjectStatus['layers'];
  /** What reading the source and building said to people; what strangers wrote is in it. */
  readonly warnings: readonly string[];
  readonly url: string;
  /** A request to try: the `example` cell's, as the body of /invocations. */
  readonly example: string | undefined;
}

/** Uploads, writes the application, shows its build, and waits until the new revision answers. Throws the build's own error. */
export async function deploy(
  client: Client,
  source: SourceArgument,
  options: DeployOptions,
): Promise<DeployResult> {
  const { spec, warnings } = await sourceOf(client, source, options);
  const before = await client.get('Application', options.project, source.name);
  const application = await writeApplication(client, source.name, before, spec, options);
  const build = await waitForBuild(client, application, options);
  const { gateway } = await client.call('serverInfo', {});
  const url = serviceUrl({ gateway, project: options.project, application: source.name });
  const result = {
    application: source.name,
    url,
    layers: [],
    warnings,
    image: undefined,
    revision: undefined,
    example: undefined,
  };
  if (!options.wait) return { ...result, build: build.metadata.name };
  const finished = await followBuild(client, build, { ...options, command: 'galley deploy' });
  const revision = await waitForRevision(client, application, finished, options);
  return {
    ...result,
    build: finished.metadata.name,
    revision,
    image: finished.status.image,
    layers: finished.status.layers,
    warnings: [...new Set([...warnings, ...(finished.status.warnings ?? [])])],
    example: await exampleOf(client, options.project, finished.metadata.name),
  };
}

async function sourceOf(
  client: Client,
  source: SourceArgument,
  options: DeployOptions,
): Promise<{ readonly spec: ApplicationSpec['source']; readonly warnings: readonly string[] }> {
  const remote = remoteSource(source, options);
  if (remote !== undefined) return { spec: remote, warnings: [] };
  const about = { ...options, object: `application/${source.name}` };
  const { archive, warnings } = await uploadSource(client, source, ownSource(source, undefined), about);
  return { spec: { archive }, warnings };
}

/** What the server itself fetches; undefined: it lies on this machine. */
function remoteSource(
  source: SourceArgument,
  { gitSecret }: DeployOptions,
): ApplicationSpec['source'] | undefined {
  if (source.kind === 'directory' || source.kind === 'file') return undefined;
  const folder = source.contextDir === '' ? {} : { contextDir: source.contextDir };
  const secret = gitSecret === undefined ? {} : { secret: gitSecret };
  const { url } = source;
  if (source.kind === 'url')
    return {
      archive: { url, ...(source.digest === undefined ? {} : { digest: source.digest }), ...secret },
      ...folder,
    };
  const { ref, submodules, local } = source;
  if (local) return undefined;
  return {
    git: { url, ...(ref === '' ? {} : { ref }), ...(submodules ? {} : { submodules }), ...secret },
    ...folder,
  };
}

async function writeApplication(
  client: Client,
  name: string,
  before: Application | undefined,
  source: ApplicationSpec['source'],
  options: DeployOptions,
): Promise<Application> {
  const hosts = [...new Set([...(before?.spec.egress?.hosts ?? []), ...options.allow])];
  const egress = hosts.length === 0 ? {} : { egress: { hosts } };
  // A deploy is asked for by a person: it builds also when nothing changed, and then every step is skipped.
  const annotations = { [deployedAtAnnotation]: new Date().toISOString() };
  if (before === undefined) {
    return client.create('Application', options.project, {
      metadata: {
        name,
        annotations,
        ...(options.labels === undefined ? {} : { labels: { ...options.labels } }),
      },
      spec: { source, ...egress },
    });
  }
  const patch = {
    metadata: { annotations },
    spec: { source: replaced(before.spec.source, source), ...egress },
  };
  return client.patch('Application', options.project, name, patch, options.signal);
}

/** A merge patch removes only what is null: members of the old source that the new one lacks. */
function replaced(
  before: ApplicationSpec['source'],
  after: ApplicationSpec['source'],
): Readonly<Record<string, unknown>> {
  const members = { ...nulls(before), ...after };
  for (const kind of ['git', 'archive'] as const) {
    const old = before[kind];
    const now = after[kind];
    if (old === undefined || now === undefined) continue;
    // The secret stays with the address that it was given for, and goes to no other.
    const secret = old.url === now.url && old.secret !== undefined ? { secret: old.secret } : {};
    Object.assign(members, { [kind]: { ...nulls(old), ...secret, ...now } });
  }
  return members;
}

function nulls(members: object): Record<string, null> {
  return Object.fromEntries(Object.keys(members).map((key) => [key, null]));
}

/** The build that this deploy caused: it carries the same mark as the application. */
async function waitForBuild(client: Client, written: Application, options: DeployOptions): Promise<Build> {
  const { name, annotations } = written.metadata;
  for (;;) {
    const now = await client.get('Application', options.project, name);
    if (now === undefined) {
      throw new GalleyError('OBJECT_NOT_FOUND', `Application ${name} was deleted meanwhile.`, {
        hint: 'galley deploy',
      });
    }
    const latest = now.status.latestBuild;
    const build = latest === undefined ? undefined : await client.get('Build', options.project, latest);
    const mark = build?.metadata.annotations[deployedAtAnnotation];
    if (build !== undefined && mark === annotations[deployedAtAnnotation]) return build;
    await sleep(50, undefined, { signal: options.signal });
  }
}

/** Waits until the revision of the build answers; its name. Throws `ROLLOUT_FAILED`, `BUILD_CANCELLED` when a newer deploy takes its place. */
async function waitForRevision(
  client: Client,
  application: Application,
  build: Build,
  options: DeployOptions,
): Promise<string> {
  const { name } = application.metadata;
  const object = `application/${name}`;
  const step = `revision of ${build.metadata.name}`;
  options.emit({ object, phase: 'rollout', step, state: 'started' });
  const startedMs = Date.now();
  for (;;) {
    const now = await client.get('Application', options.project, name);
    const serving = await revisionOf(client, options.project, now?.status.servingRevision);
    const elapsedMs = Date.now() - startedMs;
    if (serving?.spec.build === build.metadata.name && serving.status.serving) {
      const { name: revision } = serving.metadata;
      options.emit({ object, phase: 'rollout', step: revision, state: 'done', elapsedMs });
      return revision;
    }
    const newest = await revisionOf(client, options.project, now?.status.latestRevision);
    if (newest?.spec.build === build.metadata.name) throwIfHopeless(name, now, elapsedMs);
    else if (now?.status.latestBuild !== build.metadata.name) throw superseded(build, now);
    await sleep(100, undefined, { signal: options.signal });
  }
}

function revisionOf(
  client: Client,
  project: string,
  name: string | undefined,
): Promise<Revision | undefined> {
  return name === undefined ? Promise.resolve(undefined) : client.get('Revision', project, name);
}

/** Reasons of the Ready condition after which waiting is of no use. */
const terminalReasons = new Set(['NoIsolation', 'CrashLoop', 'Refused']);
/** As long as Kubernetes waits for a rollout to make progress. */
const rolloutMs = 600_000;

/** The application's own condition says what is with its newest revision, and which one goes on serving meanwhile. */
function throwIfHopeless(name: string, application: Application | undefined, elapsedMs: number): void {
  const ready = application?.status.conditions.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'False') return;
  if (!terminalReasons.has(ready.reason) && elapsedMs < rolloutMs) return;
  throw new GalleyError('ROLLOUT_FAILED', `The new revision of ${name} does not serve: ${ready.message}`, {
    hint: `galley logs ${name}`,
    details: { reason: ready.reason },
  });
}

function superseded(build: Build, application: Application | undefined): GalleyError {
  const by = application?.status.latestBuild ?? 'a deletion';
  return new GalleyError(
    'BUILD_CANCELLED',
    `Build ${build.metadata.name} does not serve: ${by} takes its place.`,
    {
      hint: `galley status ${build.spec.application}`,
    },
  );
}

/** The first golden request as a body of /invocations; undefined when the model has none. */
async function exampleOf(client: Client, project: string, build: string): Promise<string | undefined> {
  const golden = (await client.call('buildRecord', {
    params: { project, name: build, record: 'golden' },
  })) as {
    requests?: readonly { rows: readonly unknown[] }[];
  };
  const rows = golden.requests?.[0]?.rows;
  if (rows === undefined) return undefined;
  const records = rows.every((row) => typeof row === 'object' && row !== null && !Array.isArray(row));
  return JSON.stringify(records ? { dataframe_records: rows } : { instances: rows });
}
