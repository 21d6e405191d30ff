import type { Readable } from 'node:stream';
import { packDirectory, type OutputLimits } from './pack-directory.ts';

/** What a workload wrote to /galley/out, as `packDirectory` tells it; owner 0, no set-id bits. */
export function packOutput(directory: string, limits: OutputLimits): Readable {
  const header = ({ mode }: { readonly mode: number }) => ({ mode: mode & 0o777, uid: 0, gid: 0 });
  return packDirectory({ directory, what: 'The output of the workload', header }, limits);
}
