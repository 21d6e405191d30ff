import type { Tree } from './tree.ts';

/** Something that must be mended, and how. */
export interface Finding {
  readonly path: string;
  /** From 1; 1 where the whole file is meant. */
  readonly line: number;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

/** One thing that holds for the whole repository. */
export interface Rule {
  /** A sentence, used as the name of its test. */
  readonly name: string;
  check(tree: Tree): Finding[];
}

/** A finding as editors and terminals link it. */
export function describe(finding: Finding): string {
  return `${finding.path}:${finding.line}: ${finding.message}`;
}
