import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { LogLine, Workload, WorkloadEgress } from '@galley/engine/engine';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import type { Layer } from '@galley/image/descriptor';
import type { Image } from '@galley/image/image';
import type { BuildContext } from '../build.ts';
import { stepKey } from '../cache/record-cache.ts';
import { searchSecrets } from '../secret/secret-search.ts';
import { redactSecrets } from '../training/find-secrets.ts';
import { stepLabels } from '../workload/leftovers.ts';
import { readOutput, type Output } from '../workload/read-output.ts';
import { runWorkload } from '../workload/run-workload.ts';
import { stepId } from '../workload/step-id.ts';
import { captureChanges } from './capture.ts';
import type { Changes } from './changes.ts';
import { explainStep } from './step-failure.ts';

/** What to run, and as whom. */
export interface BuildStep {
  /** What people call it: `assemble`, `postBuild`. */
  readonly name: string;
  readonly image: Image;
  /** Over the image for this step only (`inputLayer`): they are no part of what changed. */
  readonly inputs: readonly Layer[];
  readonly command: readonly string[];
  /** As an image writes it; empty: the image's own. */
  readonly user: string;
  /** Default: the image's. */
  readonly workingDir?: string;
  /** Added to the image's, for this step only. Never a secret. */
  readonly env: Readonly<Record<string, string>>;
  /** By absolute path inside: there while the step runs, in no layer, log or record. */
  readonly secrets: Readonly<Record<string, string | Uint8Array>>;
  readonly egress: WorkloadEgress;
  readonly limits: StepLimits;
  /** Relative paths that are no part of what changed, with all below them. */
  readonly omit: readonly string[];
  /** True: caches of package managers are kept, for a builder that saves them for its next build. */
  readonly keepCaches: boolean;
  /** Relative paths of small files that are handed back although they are no part of what changed: scratch, or what `omit` names. */
  readonly collect?: readonly string[];
}

export interface StepLimits {
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Of everything it writes. */
  readonly diskBytes: number;
  readonly timeoutMs: number;
}

export interface StepOptions {
  readonly context: BuildContext;
  readonly project: string;
  readonly application: string;
  /** Private to this build; what is captured lies there until the build ends. */
  readonly workDir: string;
  /** Each line that the step writes, without the values of secrets. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

/** What a step left behind. */
export interface StepResult {
  readonly changes: Changes;
  /** Its /galley/out. */
  readonly output: Output;
}

/** As a training has it: 4 GiB, two processors; room for a tree of packages and its downloads. */
export const defaultStepLimits: StepLimits = {
  memoryBytes: 4 * 1024 ** 3,
  cpus: 2,
  diskBytes: 16 * 1024 ** 3,
  timeoutMs: 2 * 60 * 60_000,
};

const entriesMax = 500_000;
const keptLines = 60;

/**
 * Bytecode then names the content of its source instead of a time that no layer keeps, and sets are written in one order: two runs of one step
 * differ less (PEP 552; builders.md §8.3).
 */
const steady = { SOURCE_DATE_EPOCH: '315619200', PYTHONHASHSEED: '0' };

/**
 * Runs a command in an image with a writable root and takes in what it changed, checked. The command is hostile: it runs as a user of the image
 * in a workload and reaches only what `egress` says. Everything is gone afterwards but the changes and the output, which lie in `workDir`. Throws
 * `BUILD_STEP_FAILED`, `OUTPUT_INVALID`, `OUTPUT_REFUSED`, `SECRET_IN_LAYER`, and what the engine throws.
 */
export async function runBuildStep(step: BuildStep, options: StepOptions): Promise<StepResult> {
  const { context } = options;
  const { engine, signal, store } = context;
  const changesOf = engine.changes?.bind(engine);
  if (changesOf === undefined) {
    throw new GalleyError('NO_ISOLATION', `The engine ${engine.name} cannot run ${step.name}.`, {
      hint: 'galley doctor says what this machine lacks.',
    });
  }
  const image =
    step.inputs.length === 0
      ? step.image
      : await assembleImage(store, { base: step.image, layers: step.inputs, config: {} });
  const workload = workloadOf(step, image, options);
  const said: string[] = [];
  const shown = Object.fromEntries(
    Object.entries(step.secrets).map(([path, value]) => [path, Buffer.from(value).toString('utf8')]),
  );
  const onLine = ({ text, stream }: LogLine): void => {
    const line = redactSecrets(text, shown);
    said.push(line);
    if (said.length > keptLines) said.shift();
    options.onLine?.(line, stream);
  };
  return runWorkload(workload, { engine, signal, onLine }, async ({ status }) => {
    if (status.phase !== 'succeeded') {
      const command = step.command.join(' ');
      const { timeoutMs } = step.limits;
      throw explainStep({ step: step.name, command, status, limits: workload.limits, timeoutMs, said });
    }
    const folder = join(options.workDir, workload.id);
    const output = await readOutput(engine, workload.id, folder, { signal });
    const changes = await captureChanges(await changesOf(workload.id), {
      step: step.name,
      spool: join(folder, 'changes'),
      entriesMax,
      bytesMax: step.limits.diskBytes,
      omit: step.omit,
      keepCaches: step.keepCaches,
      collect: step.collect ?? [],
      secrets: searchSecrets(step.secrets),
      signal,
    });
    return { changes, output };
  });
}

function workloadOf(step: BuildStep, image: Image, options: StepOptions): Workload {
  const { memoryBytes, cpus, diskBytes, timeoutMs } = step.limits;
  const { project, application } = options;
  const { command, user, egress } = step;
  const env = { ...steady, ...step.env };
  const secretPaths = Object.keys(step.secrets).sort();
  const key = stepKey({ image: image.digest, command, user, env, egress, secretPaths });
  return {
    id: stepId('step', project, application, key),
    project,
    image: image.digest,
    command,
    env,
    ...(step.workingDir === undefined ? {} : { workingDir: step.workingDir }),
    rootfs: 'writable',
    user,
    limits: { memoryBytes, cpus, diskBytes, pids: 2048, openFiles: 16_384 },
    files: {},
    secrets: step.secrets,
    tmpfs: [],
    ports: [],
    egress,
    timeoutMs,
    labels: stepLabels(step.name, project, application),
  };
}
