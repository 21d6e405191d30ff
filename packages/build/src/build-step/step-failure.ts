import { GalleyError } from '@galley/api/error/galley-error';
import { formatBytes } from '@galley/api/kind/quantity';
import type { WorkloadLimits, WorkloadStatus } from '@galley/engine/engine';

export interface FailedStep {
  readonly step: string;
  /** What ran, for people: `/usr/libexec/s2i/assemble`. */
  readonly command: string;
  readonly status: WorkloadStatus;
  readonly limits: WorkloadLimits;
  readonly timeoutMs: number;
  /** The last lines that it wrote, without secrets. */
  readonly said: readonly string[];
}

/** A shell's own exit codes: found but not executable, and not found. */
const notExecutable = 126;
const notFound = 127;

/** Why a step failed, as the one error that a person can act on. Pure. */
export function explainStep(failed: FailedStep): GalleyError {
  const { step, status, said } = failed;
  const details = {
    step,
    command: failed.command,
    ...(status.reason === undefined ? {} : { reason: status.reason }),
    ...(status.exitCode === undefined ? {} : { exitCode: status.exitCode }),
    said: said.slice(-20),
  };
  const last = said.findLast((line) => line.trim() !== '');
  const fail = (how: string, hint: string): GalleyError =>
    new GalleyError('BUILD_STEP_FAILED', `${step} ${how}.`, {
      hint,
      details,
      ...(said.length === 0 ? {} : { cause: new Error(said.slice(-20).join('\n')) }),
    });
  const limit = reachedLimit(failed);
  if (limit !== undefined) return fail(limit.how, limit.hint);
  const host = status.refusedHosts[0];
  if (host !== undefined) {
    return fail(
      `failed with exit code ${status.exitCode ?? '?'}; it wanted to reach ${host}, which is not allowed`,
      `Allow it: --allow ${host}`,
    );
  }
  if (status.exitCode === notFound || status.exitCode === notExecutable) {
    const how = status.exitCode === notFound ? 'does not exist' : 'cannot be executed';
    return fail(
      `failed: ${last ?? `${failed.command} ${how}`}`,
      'Check the path, the first line (#!) and the line ends of the script, and that the image has what it calls.',
    );
  }
  if (status.exitCode === undefined) {
    return fail(`could not run: ${status.message ?? status.reason ?? 'unknown'}`, 'galley doctor');
  }
  return fail(
    `failed with exit code ${status.exitCode}${last === undefined ? '' : `: ${last.trim().slice(0, 300)}`}`,
    'Its last lines are above; run it again with what they say corrected.',
  );
}

function reachedLimit({ status, limits, timeoutMs }: FailedStep): { how: string; hint: string } | undefined {
  if (status.reason === 'OOMKilled') {
    return {
      how: `needed more memory than its limit of ${formatBytes(limits.memoryBytes)}`,
      hint: 'Let it do less at once. A postBuild has what galley.yaml gives the build: build: {resources: {limits: {memory: 8Gi}}}',
    };
  }
  if (status.reason === 'DiskFull') {
    return {
      how: `wrote more than its limit of ${formatBytes(limits.diskBytes)}`,
      hint: 'Let it remove what it downloads, or fetch data where it is used.',
    };
  }
  if (status.reason === 'Timeout') {
    return {
      how: `ran longer than ${timeoutMs / 1000} s`,
      hint: 'Make it faster. A postBuild has the time that galley.yaml gives the build: build: {timeout: 4h}',
    };
  }
  return undefined;
}
