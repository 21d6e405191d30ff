import { isObject, type JsonObject } from '@galley/api/json-object';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '@galley/api/digest';
import type { Layer } from '@galley/image/descriptor';
import type { Image } from '@galley/image/image';
import { buildLayer } from '@galley/image/layer/build-layer';
import { directoryEntry, type TarEntry } from '@galley/image/tar/entry';
import type { BuildContext } from '../build.ts';
import { RecordCache, stepKey } from '../cache/record-cache.ts';
import { tellProgress } from '../training/progress.ts';
import type { WorkloadSecrets } from '../secret/secret-use.ts';
import { findSecrets, redactSecrets, redactValue } from '../training/find-secrets.ts';
import { samplePath, type Training } from '../training/training.ts';
import type { BuildSettings } from '../plan/settings.ts';
import { readWire, requireWire, textsOf } from '../workload/read-json.ts';
import { readOutput, type Output } from '../workload/read-output.ts';
import { runWorkload } from '../workload/run-workload.ts';
import { stepId } from '../workload/step-id.ts';
import { stepLabels } from '../workload/leftovers.ts';
import { explainRehearsal } from './explain-rehearsal.ts';

/** What a rehearsal found, found again by its candidate. */
export interface Rehearsal {
  readonly layer: Layer;
  /** Blobs. `reference` is undefined without a sample: the monitors learn live. */
  readonly reference: Digest | undefined;
  readonly schema: Digest;
  readonly golden: Digest;
  /** Names of the modules that were loaded. */
  readonly modules: readonly string[];
  /** Import, replay and bare replay in seconds, for the record of the build. */
  readonly timing: Readonly<Record<string, number>>;
}

export interface RehearseOptions {
  readonly context: BuildContext;
  readonly object: string;
  readonly application: string;
  readonly project: string;
  readonly workDir: string;
  readonly candidate: Image;
  readonly training: Training;
  readonly trainingKey: string;
  readonly settings: BuildSettings;
  /** What the service will have. */
  readonly secrets: WorkloadSecrets;
}

/** MONITORS.md §3: up to 10,000 rows or a minute. */
const replay = { rowsMax: 10_000, secondsMax: 60 };

/** A rehearsal of this candidate, if all that it left is still there. */
export async function findRehearsal(options: RehearseOptions): Promise<Rehearsal | undefined> {
  const { context } = options;
  const known = await rehearsalRecords(context).get(rehearsalKey(options));
  if (known === undefined) return undefined;
  for (const digest of [known.layer.descriptor.digest, known.schema, known.golden, known.reference]) {
    if (digest !== undefined && !(await context.store.has(digest))) return undefined;
  }
  return known;
}

/** Runs the candidate on its own sample. Throws `REHEARSAL_FAILED` with the row, `CHECK_NOT_REPRODUCED` with the cell, `OUTPUT_INVALID`. */
export async function rehearse(options: RehearseOptions): Promise<Rehearsal> {
  const { context, application, project, candidate } = options;
  const secrets = options.secrets.files;
  const sample =
    options.training.sampleInfo === null
      ? undefined
      : await readFile(samplePath(context.cacheDir, options.trainingKey));
  const plan = {
    schema: 'galley.dev/rehearse-plan/v1',
    sample: sample === undefined ? null : '/galley/in/sample.jsonl',
    sampleInfo: options.training.sampleInfo,
    eventTimeColumn: options.settings.eventTimeColumn ?? null,
    ...replay,
  };
  const id = stepId('rehearse', project, application, candidate.digest);
  const rehearsal = await runWorkload(
    {
      id,
      project,
      image: candidate.digest,
      command: ['/opt/galley/runtime/bin/galley-runtime', 'rehearse', '/galley/in/rehearse.json'],
      env: options.secrets.env,
      rootfs: 'readonly',
      limits: stepLimits(options.settings),
      files: {
        '/galley/in/rehearse.json': JSON.stringify(plan),
        ...(sample === undefined ? {} : { '/galley/in/sample.jsonl': sample }),
      },
      secrets: options.secrets.files,
      tmpfs: homeTmpfs,
      ports: [],
      egress: { index: false, hosts: options.settings.egressHosts },
      timeoutMs: 15 * 60_000,
      labels: stepLabels('rehearsal', project, application),
    },
    {
      engine: context.engine,
      signal: context.signal,
      onLine: (line) =>
        tellProgress({ ...line, text: redactSecrets(line.text, secrets) }, context.emit, options.object),
    },
    async (ended) => {
      const output = await readOutput(context.engine, id, join(options.workDir, 'rehearsal'), {
        signal: context.signal,
      });
      try {
        if (ended.status.exitCode === 0) return await keep(options, output);
        const failure = parseFailure(await output.text('failure.json', 1024 * 1024));
        const stderr = redactValue(ended.stderr, secrets);
        throw explainRehearsal(application, redactValue(failure, secrets), { ...ended, stderr });
      } finally {
        await output.dispose();
      }
    },
  );
  await rehearsalRecords(context).set(rehearsalKey(options), rehearsal);
  return rehearsal;
}

/** Where rehearsals are kept. */
export function rehearsalRecords({ cacheDir }: Pick<BuildContext, 'cacheDir'>): RecordCache<Rehearsal> {
  return new RecordCache<Rehearsal>(cacheDir, 'rehearsals');
}

/** What decides a rehearsal's result: the candidate has all the rest in it, but for the values of the project's secrets. */
export function rehearsalKey({ candidate, settings, secrets, project }: RehearseOptions): string {
  return stepKey({
    candidate: candidate.digest,
    eventTimeColumn: settings.eventTimeColumn ?? null,
    ...(Object.keys(secrets.files).length === 0 ? {} : { project }),
  });
}

/** Folders of HOME that a read-only root turns into memory (docs/design/wire.md, "Paths in images"). */
export const homeTmpfs: readonly string[] = [
  '/home/galley/.cache',
  '/home/galley/.config',
  '/home/galley/.local',
];

/** What a step besides the training may use: as much as the training. */
export function stepLimits(settings: BuildSettings): {
  memoryBytes: number;
  cpus: number;
  pids: number;
  openFiles: number;
  diskBytes: number;
} {
  const { memoryBytes, cpus } = settings;
  return { memoryBytes, cpus, pids: 512, openFiles: 4096, diskBytes: 4 * 1024 ** 3 };
}

async function keep(options: RehearseOptions, output: Output): Promise<Rehearsal> {
  const { context } = options;
  const write = async (text: string): Promise<Digest> =>
    (await context.store.write(Buffer.from(text), { mediaType: 'application/json' })).digest;
  const blob = (value: JsonObject): Promise<Digest> => write(JSON.stringify(value));
  const schema = await requireWire(output, 'rehearsed/schema.json', 'schema');
  const golden = await requireWire(output, 'rehearsed/golden.json', 'golden');
  const reference =
    (await readWire(output, 'rehearsed/reference.json', 'reference')) === undefined
      ? undefined
      : await output.text('rehearsed/reference.json');
  const modules = await readWire(output, 'modules.json', 'modules');
  const timing = parseTiming(await output.text('timing.json'));
  const kept = [...output.files.values()].filter(({ path }) => path.startsWith('rehearsed/'));
  await findSecrets(kept, options.secrets.files, context.signal);
  const layer = await buildLayer(context.store, rehearsedEntries(output), {
    createdBy: 'galley rehearsed',
    signal: context.signal,
  });
  return {
    layer,
    // To the byte as it lies in the image: a replica tells its hash with its counts.
    reference: reference === undefined ? undefined : await write(reference),
    schema: await blob(schema),
    golden: await blob(golden),
    modules: [...textsOf(modules?.['modules'])].sort(),
    timing,
  };
}

/** The three files of the rehearsal; nothing else that the workload may have left there. */
function rehearsedEntries(output: Output): readonly TarEntry[] {
  const files = ['reference.json', 'schema.json', 'golden.json'].flatMap((name): readonly TarEntry[] => {
    const file = output.files.get(`rehearsed/${name}`);
    if (file === undefined) return [];
    const path = `opt/galley/rehearsed/${name}`;
    return [{ path, type: 'file', mode: 0o644, size: file.size, content: () => createReadStream(file.file) }];
  });
  return [directoryEntry('opt/galley/rehearsed'), ...files];
}

function parseTiming(text: string | undefined): Readonly<Record<string, number>> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    if (!isObject(value)) return {};
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, seconds]) =>
        typeof seconds === 'number' ? [[key, seconds]] : [],
      ),
    );
  } catch {
    return {};
  }
}

function parseFailure(text: string | undefined): JsonObject {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
