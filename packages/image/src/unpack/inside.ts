import { chownSync, lstatSync, mkdirSync, readlinkSync, rmSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';

/** As many links as Linux follows before ELOOP. */
const linksMax = 40;

/** The status of a path itself, links not followed, or undefined. */
export function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/**
 * Resolves paths inside one directory that nobody else writes to. Links in the middle of a path are followed as a process whose root is the target
 * would follow them: `..` stops at the root and an absolute target begins there. So nothing outside is ever reached.
 */
export class Inside {
  readonly root: string;
  readonly #owner: number;
  /** Directories that are known to be real, by their path in the tar; forgotten when an entry replaces one of them. */
  #known = new Map<string, string>();

  constructor(root: string, owner: number) {
    this.root = root;
    this.#owner = owner;
    this.#known.set('', root);
  }

  /** Where on the host an entry lies; its last part is not followed. Missing directories above it are made. */
  place(path: string): string {
    const slash = path.lastIndexOf('/');
    const parent = slash === -1 ? '' : path.slice(0, slash);
    return `${this.directory(parent)}/${path.slice(slash + 1)}`;
  }

  /** The host path of a directory in the tar. */
  directory(path: string): string {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const real = this.#walk(path);
    this.#known.set(path, real);
    return real;
  }

  /** Must be called when something that may have been a directory or a link is removed. */
  forget(): void {
    this.#known = new Map([['', this.root]]);
  }

  #walk(path: string): string {
    const waiting = path.split('/').toReversed();
    const done: string[] = [];
    let links = 0;
    for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
      if (part === '' || part === '.') continue;
      if (part === '..') {
        done.pop();
        continue;
      }
      const here = join(this.root, ...done, part);
      const stat = statOf(here);
      if (stat?.isSymbolicLink() === true) {
        links += 1;
        const target = readlinkSync(here);
        if (links > linksMax) this.#refuse(path, 'follows too many links');
        if (target.startsWith('/')) done.length = 0;
        waiting.push(...target.split('/').toReversed());
        continue;
      }
      if (stat === undefined) this.#make(here);
      else if (!stat.isDirectory()) this.#replace(here);
      done.push(part);
    }
    return join(this.root, ...done);
  }

  #make(here: string): void {
    mkdirSync(here, { mode: 0o755 });
    if (this.#owner !== 0) chownSync(here, this.#owner, this.#owner);
  }

  /** A file where a later entry needs a directory: later entries win. */
  #replace(here: string): void {
    rmSync(here);
    this.#make(here);
  }

  #refuse(path: string, problem: string): never {
    throw new GalleyError('IMAGE_INVALID', `The path ${JSON.stringify(path)} of the layer ${problem}.`, {
      details: { path },
    });
  }
}
