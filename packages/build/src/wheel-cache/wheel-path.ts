import { join } from 'node:path';
import type { LockedWheel } from '../lock/lock.ts';

/** Where a wheel lies once it is here. The file keeps its name: it is part of what a wheel says. */
export function wheelPath(cacheDir: string, wheel: Pick<LockedWheel, 'sha256' | 'filename'>): string {
  return join(cacheDir, 'wheels', wheel.sha256, wheel.filename);
}
