import type { ChangedEntry } from '../build-step/changes.ts';
import type { SourceEntry } from '../source/source-tree.ts';

/** How files of the source are known again, wherever `assemble` put them. */
export class SourceFinder {
  readonly #hashes: ReadonlyMap<string, readonly string[]>;
  readonly #links: ReadonlySet<string>;

  /** `hashes`: of `hashSource`. */
  constructor(entries: readonly SourceEntry[], hashes: ReadonlyMap<string, readonly string[]>) {
    this.#hashes = hashes;
    this.#links = new Set(
      entries.flatMap((entry) => (entry.kind === 'link' ? [`${entry.path}\0${entry.target}`] : [])),
    );
  }

  holds(entry: ChangedEntry): boolean {
    if (entry.type === 'symlink') {
      return suffixesOf(entry.path).some((path) => this.#links.has(`${path}\0${entry.linkTarget ?? ''}`));
    }
    const paths = this.#hashes.get(entry.sha256 ?? '') ?? [];
    return paths.some((path) => entry.path === path || entry.path.endsWith(`/${path}`));
  }
}

function suffixesOf(path: string): readonly string[] {
  const parts = path.split('/');
  return parts.map((_, index) => parts.slice(index).join('/'));
}
