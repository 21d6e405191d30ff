import { createHash } from 'node:crypto';
import type { Digest } from '@galley/api/digest';

/** The sha256 digest of bytes. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
