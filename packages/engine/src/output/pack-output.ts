import type { Readable } from 'node:stream';
import { packTree, type OutputLimits } from './pack-tree.ts';

/** What a workload wrote to /galley/out, as `packTree` tells it; owner 0, no set-id bits. */
export function packOutput(directory: string, limits: OutputLimits): Readable {
  const header = ({ mode }: { readonly mode: number }) => ({ mode: mode & 0o777, uid: 0, gid: 0 });
  return packTree({ directory, what: 'The output of the workload', header }, limits);
}
