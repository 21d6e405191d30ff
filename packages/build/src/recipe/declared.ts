import type { Requirement } from './requirement.ts';

/** An index or a page of links that a file of the repository names. */
export interface IndexUse {
  /** Without user and password. */
  readonly url: string;
  readonly kind: 'index' | 'links';
  readonly from: string;
}

/** What a file says about Python: one version (`3.11`) or a range (`>=3.9,<4`). */
export interface PythonSaid {
  readonly version?: string;
  readonly range?: string;
  readonly from: string;
}

/** What one file, or all of a notebook's cells, ask for. */
export interface Declared {
  /** What the service needs, and the notebook with it. */
  readonly requirements: readonly Requirement[];
  /** What only the notebook needs: groups for development. Not in the service image. */
  readonly running: readonly Requirement[];
  /** They restrict versions and bring nothing in. */
  readonly constraints: readonly Requirement[];
  readonly prerelease: boolean;
  readonly indexes: readonly IndexUse[];
  readonly python?: PythonSaid | undefined;
  /** For people: what was left out and why. */
  readonly warnings: readonly string[];
}

export const nothingDeclared: Declared = {
  requirements: [],
  running: [],
  constraints: [],
  prerelease: false,
  indexes: [],
  warnings: [],
};

/** All of them together, the first to say which Python is heard. Pure. */
export function mergeDeclared(all: readonly Declared[]): Declared {
  const python = all.find((one) => one.python !== undefined)?.python;
  return {
    requirements: all.flatMap(({ requirements }) => requirements),
    running: all.flatMap(({ running }) => running),
    constraints: all.flatMap(({ constraints }) => constraints),
    prerelease: all.some(({ prerelease }) => prerelease),
    indexes: all.flatMap(({ indexes }) => indexes),
    ...(python === undefined ? {} : { python }),
    warnings: all.flatMap(({ warnings }) => warnings),
  };
}
