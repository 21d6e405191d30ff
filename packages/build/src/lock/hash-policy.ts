import { GalleyError } from '@galley/api/error/galley-error';
import type { Sdist } from './find-sdist.ts';
import type { LockRequest } from './lock-request.ts';

/**
 * Holds files against the hashes that a requirements.txt or a lock demands: a person, or their tool, wrote them down for this. A wheel
 * that was built here has the hash of nothing that was written down; its source is held to it instead.
 */
export class HashPolicy {
  readonly #demanded: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #from: ReadonlyMap<string, string>;
  readonly #built = new Set<string>();

  constructor(request: LockRequest) {
    const demanded = new Map<string, Set<string>>();
    const from = new Map<string, string>();
    for (const requirement of [...request.requirements, ...request.running, ...request.constraints]) {
      if (requirement.hashes.length === 0 || requirement.direct !== undefined) continue;
      const known = demanded.get(requirement.name) ?? new Set<string>();
      requirement.hashes.forEach((hash) => known.add(hash));
      demanded.set(requirement.name, known);
      if (!from.has(requirement.name)) from.set(requirement.name, requirement.from);
    }
    this.#demanded = demanded;
    this.#from = from;
  }

  allows(name: string, sha256: string): boolean {
    const demanded = this.#demanded.get(name);
    return demanded === undefined || demanded.has(sha256) || this.#built.has(name);
  }

  /** The error when a package has fitting files and none with a demanded hash. */
  refused(name: string, filenames: readonly string[]): GalleyError {
    const from = this.#from.get(name) ?? '';
    const file = filenames[0] ?? name;
    return new GalleyError('HASH_MISMATCH', `${file} has none of the hashes that ${from} demands.`, {
      hint: 'Write the hashes anew if the file is the right one; if it is not, do not trust the index.',
      details: { file, demanded: [...(this.#demanded.get(name) ?? [])].slice(0, 50), from },
    });
  }

  /** Throws `HASH_MISMATCH` before anything of the source is run. */
  checkSdist(sdist: Sdist): void {
    if (!this.allows(sdist.name, sdist.sha256)) throw this.refused(sdist.name, [sdist.filename]);
  }

  built(name: string): void {
    this.#built.add(name);
  }
}
