import type { PinChange } from '../lock/lock.ts';
import { redactUrl } from '../source/git/address.ts';
import { isTable, tableAt, textOf, textsOf, type Table } from './file/pyproject.ts';
import { parseRequirement, type Requirement } from './requirement.ts';

/** What `galley lock` writes beside the packages of a pylock.toml, under `[tool.galley]`. */
export interface LockFacts {
  /** What was asked for when the lock was written. */
  readonly requirements: readonly string[];
  /** RFC 3339. */
  readonly asOf: string | undefined;
  readonly changes: readonly PinChange[];
  /** What was installed in a workbench and captured besides (`galley lab --capture`), with its hashes. */
  readonly captured: readonly Requirement[];
}

/** Everything that was asked for, in one order, by which a lock is held against the present repository. Pure. */
export function requirementLines(asked: {
  readonly requirements: readonly Requirement[];
  readonly running: readonly Requirement[];
  readonly constraints: readonly Requirement[];
}): readonly string[] {
  const lines = (list: readonly Requirement[], mark: string): readonly string[] =>
    list.map(({ line }) => `${mark}${redactUrl(line).replace(/\s+/g, ' ')}`);
  return [
    ...new Set([
      ...lines(asked.requirements, ''),
      ...lines(asked.running, 'notebook: '),
      ...lines(asked.constraints, 'at most: '),
    ]),
  ].sort();
}

/** A captured package as a line of the lock: `emoji==2.15.0 sha256:…`. */
export function capturedLine({ line, hashes }: Requirement): string {
  return [line, ...hashes.map((hash) => `sha256:${hash}`)].join(' ');
}

function readCaptured(text: string): Requirement {
  const [line = '', ...hashes] = text.split(' ');
  return parseRequirement(
    line,
    'pylock.toml (captured)',
    hashes.flatMap((hash) => /^sha256:([0-9a-f]{64})$/.exec(hash)?.[1] ?? []),
  );
}

/** Reads `[tool.galley]`; undefined: another tool wrote the lock. */
export function readLockFacts(lock: Table): LockFacts | undefined {
  const own = tableAt(lock, 'tool', 'galley');
  if (!Array.isArray(own['requirements'])) return undefined;
  const replaced = Array.isArray(own['replaced']) ? own['replaced'].filter(isTable) : [];
  return {
    requirements: textsOf(own['requirements']),
    asOf: textOf(own['as-of']),
    captured: textsOf(own['captured']).map(readCaptured),
    changes: replaced.map((item): PinChange => {
      const text = (key: string): string => textOf(item[key]) ?? '';
      return {
        name: text('name'),
        from: text('from'),
        to: text('to'),
        where: text('where'),
        why: text('why'),
      };
    }),
  };
}
