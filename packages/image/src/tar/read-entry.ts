import type { TarEntry } from './entry.ts';

/** The content of a small file that is being read; undefined for what is none or is larger than `bytesMax`. */
export async function readEntry(entry: TarEntry, bytesMax: number): Promise<Buffer | undefined> {
  if (entry.type !== 'file' || entry.size > bytesMax) return undefined;
  const content = entry.content?.() ?? Buffer.alloc(0);
  if (Buffer.isBuffer(content)) return content;
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
