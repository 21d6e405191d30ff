import { createHash } from 'node:crypto';

/**
 * Text of a cache with its own hash before it, so that what a disk, a power cut or a person has altered is not believed: the name belongs to it, a
 * record under another's name is none.
 */
export function sealText(name: string, text: string): string {
  return `${hashOf(name, text)}\n${text}`;
}

/** What was sealed under this name; undefined: it was altered, or is something else. */
export function openSealed(name: string, sealed: string): string | undefined {
  const end = sealed.indexOf('\n');
  const text = sealed.slice(end + 1);
  return sealed.slice(0, Math.max(end, 0)) === hashOf(name, text) ? text : undefined;
}

function hashOf(name: string, text: string): string {
  return createHash('sha256').update(`${name}\n${text}`).digest('hex');
}
