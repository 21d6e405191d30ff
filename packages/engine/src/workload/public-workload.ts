import { createHash } from 'node:crypto';
import type { Workload } from '../engine.ts';
import { canonicalJson } from './canonical-json.ts';

/** A workload as it may be written to disk: no value of a secret, and files by their hash only. */
export interface PublicWorkload extends Omit<Workload, 'files' | 'secrets'> {
  /** sha256 of each file, by path inside. */
  readonly fileHashes: Readonly<Record<string, string>>;
  /** Paths inside; never the values (DESIGN.md §3, issue 3). */
  readonly secretPaths: readonly string[];
}

/** Takes out of a workload what must not be kept. */
export function publicWorkload(workload: Workload): PublicWorkload {
  const { files, secrets, ...rest } = workload;
  const fileHashes: Record<string, string> = {};
  for (const [path, content] of Object.entries(files)) {
    fileHashes[path] = createHash('sha256').update(content).digest('hex');
  }
  return { ...rest, fileHashes, secretPaths: Object.keys(secrets).sort() };
}

/** The hash that tells two specifications under one id apart. A rotated secret does not change it. */
export function specHash(workload: PublicWorkload): string {
  return createHash('sha256').update(canonicalJson(workload)).digest('hex');
}
