import { GalleyError } from '@galley/api/error/galley-error';
import { compareBytes } from '../tar/order.ts';
import type { PlacedFile } from './place-wheel.ts';
import type { StitchItem } from './stitch-files.ts';

/** What a layer holds at a path, as far as two layers must agree. */
export interface FileFact {
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  /** `sha256=…`. */
  readonly hash: string;
  /** The package: `numpy 2.4.6`. */
  readonly owner: string;
}

/** Two packages that want different files at one path: which wins would be chance, so neither does. */
export function conflict(first: FileFact, second: FileFact): GalleyError {
  const text = `${first.owner} and ${second.owner} both bring ${first.path}, with different contents.`;
  return new GalleyError('WHEEL_INVALID', text, {
    hint: `Require only one of the two packages, or pin a version that does not bring ${first.path}.`,
    details: { path: first.path, packages: [first.owner, second.owner] },
  });
}

/** Remembers what lies where; the same file twice is kept once, two different ones throw `WHEEL_INVALID`. */
export class FileMap<T extends FileFact> {
  readonly files = new Map<string, T>();
  readonly #folders = new Map<string, T>();

  add(file: T): void {
    const existing = this.files.get(file.path);
    if (existing !== undefined) {
      if (existing.hash !== file.hash || existing.mode !== file.mode) throw conflict(existing, file);
      return;
    }
    const inside = this.#folders.get(file.path);
    if (inside !== undefined) throw conflict(file, inside);
    this.files.set(file.path, file);
    let end = file.path.lastIndexOf('/');
    while (end > 0) {
      const folder = file.path.slice(0, end);
      // What is above a known folder is known.
      if (this.#folders.has(folder)) return;
      const below = this.files.get(folder);
      if (below !== undefined) throw conflict(below, file);
      this.#folders.set(folder, file);
      end = folder.lastIndexOf('/');
    }
  }

  get folders(): Iterable<string> {
    return this.#folders.keys();
  }
}

/** Files of one or several wheels as one layer: sorted, every directory once and before what is in it. */
export function mergeFiles(wheels: readonly (readonly PlacedFile[])[]): {
  files: PlacedFile[];
  items: StitchItem[];
} {
  const map = new FileMap<PlacedFile>();
  for (const wheel of wheels) for (const file of wheel) map.add(file);
  const files = [...map.files.values()];
  const keyed: [string, StitchItem][] = files.map((file) => [file.path, file]);
  for (const directory of map.folders) keyed.push([directory, { directory }]);
  keyed.sort(([left], [right]) => compareBytes(left, right));
  return { files, items: keyed.map(([, item]) => item) };
}
