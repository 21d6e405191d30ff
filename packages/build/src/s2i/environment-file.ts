import type { Variables } from './s2i.ts';

/** What such a file held. */
export interface EnvironmentFile {
  readonly variables: Variables;
  /** Numbers of lines that are no `NAME=VALUE`. */
  readonly odd: readonly number[];
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/**
 * `.s2i/environment` and the file of `-E`: a line is NAME=VALUE, nothing is quoted, nothing is expanded; a whole line may be a comment, with `#` in the one
 * and also `//` in the other (builders.md §1.3.6).
 */
export function parseEnvironmentFile(text: string, comments: readonly string[]): EnvironmentFile {
  const variables: [string, string][] = [];
  const odd: number[] = [];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trim();
    if (line === '' || comments.some((mark) => line.startsWith(mark))) continue;
    const at = line.indexOf('=');
    const name = line.slice(0, Math.max(0, at)).trim();
    if (namePattern.test(name)) variables.push([name, line.slice(at + 1).trim()]);
    else odd.push(index + 1);
  }
  return { variables, odd };
}

/** `NAME=VALUE` as it stands after `-e`; undefined: it is none. */
export function parseVariable(text: string): readonly [string, string] | undefined {
  const at = text.indexOf('=');
  const name = text.slice(0, Math.max(0, at));
  return namePattern.test(name) ? [name, text.slice(at + 1)] : undefined;
}
