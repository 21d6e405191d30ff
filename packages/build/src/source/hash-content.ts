import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { SourceFile } from './source-tree.ts';

/** sha256 of a file's bytes, 64 hexadecimal digits; a large one is read piece by piece. */
export async function hashContent(content: SourceFile['content']): Promise<string> {
  const hash = createHash('sha256');
  if (Buffer.isBuffer(content)) hash.update(content);
  else for await (const chunk of createReadStream(content.spooled)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
