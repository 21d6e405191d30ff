import { renameSync, writeFileSync } from 'node:fs';

/**
 * Writes a small file aside and renames it, so that no reader, and no later life of ours after `kill -9`, sees half of it. Flushed: a key
 * or a token that others already use must outlast a power cut as well. The draft has one name, because a home has one owner: what a
 * killed one left is written over.
 */
export function replaceFile(path: string, content: string | Uint8Array, mode: number): void {
  const draft = `${path}.draft`;
  writeFileSync(draft, content, { mode, flush: true });
  renameSync(draft, path);
}
