import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { isObject } from '@galley/api/json-object';
import type { Descriptor } from '../descriptor.ts';
import { mediaType } from '../media-type.ts';
import type { TagHistory } from '../store.ts';
import { isMissing } from './disk-errors.ts';
import { replaceFile } from './replace-file.ts';

/** image-spec, annotations.md: the key under which an index names a manifest. */
export const refName = 'org.opencontainers.image.ref.name';

/** In `index.json`: the manifest that this one refers to. Tools that do not know it see a manifest without a tag, which layouts may hold. */
const subjectKey = 'dev.galley.subject';

/** What an entry of the index refers to; undefined for tags. */
export function subjectOf(entry: Descriptor): Digest | undefined {
  const subject = entry.annotations?.[subjectKey];
  return subject !== undefined && isDigest(subject) ? subject : undefined;
}

/** The tag of an entry. A referrer's own annotations may hold anything, so they name nothing. */
export function tagOf(entry: Descriptor): string | undefined {
  return subjectOf(entry) === undefined ? entry.annotations?.[refName] : undefined;
}

/** An entry without what only the index is told: as the referrers API lists it. */
export function withoutSubject(entry: Descriptor): Descriptor {
  const { annotations, ...rest } = entry;
  const { [subjectKey]: _subject, ...others } = annotations ?? {};
  return Object.keys(others).length === 0 ? rest : { ...rest, annotations: others };
}

type HistoryFile = Record<string, { time: string; digest: Digest }[]>;

function isDescriptor(value: unknown): value is Descriptor {
  if (!isObject(value)) return false;
  return (
    typeof value['mediaType'] === 'string' &&
    typeof value['digest'] === 'string' &&
    isDigest(value['digest']) &&
    typeof value['size'] === 'number'
  );
}

async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    throw new GalleyError('IMAGE_INVALID', `${path} is not JSON.`, { cause: error, details: { path } });
  }
}

/**
 * The tags of a layout. `index.json` is the truth, so other tools may write it too; `tag-history.json` beside it only remembers, and is
 * mended from the index when a `kill -9` fell between the two. Writers take turns within one store; GALLEY_HOME has one owner (DESIGN.md §3).
 */
export class TagIndex {
  readonly #root: string;
  readonly #now: () => number;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(root: string, now: () => number) {
    this.#root = root;
    this.#now = now;
  }

  get #indexPath(): string {
    return join(this.#root, 'index.json');
  }

  get #historyPath(): string {
    return join(this.#root, 'tag-history.json');
  }

  /** Every manifest of the index, tagged or not. */
  async manifests(): Promise<readonly Descriptor[]> {
    const index = await readJsonFile(this.#indexPath);
    if (index === undefined) return [];
    const list = isObject(index) ? index['manifests'] : undefined;
    if (!Array.isArray(list)) {
      throw new GalleyError('IMAGE_INVALID', `${this.#indexPath} has no list of manifests.`);
    }
    return list.filter(isDescriptor);
  }

  async find(name: string): Promise<Digest | undefined> {
    return (await this.manifests()).findLast((entry) => tagOf(entry) === name)?.digest;
  }

  /** Points a tag at a manifest, which is looked up when nothing can be pruned any more. */
  set(name: string, find: () => Promise<Descriptor>): Promise<void> {
    return this.exclusive(async () => {
      const manifest = await find();
      const rest = (await this.manifests()).filter((entry) => tagOf(entry) !== name);
      const history = await this.#history();
      const { digest } = manifest;
      await this.#writeIndex([...rest, { ...manifest, annotations: { [refName]: name } }]);
      const known = history[name] ?? [];
      if (known.at(-1)?.digest === digest) return;
      known.push({ time: new Date(this.#now()).toISOString(), digest });
      await this.#writeHistory({ ...history, [name]: known });
    });
  }

  /** Lists a manifest under what it refers to. */
  attach(manifest: Descriptor, subject: Digest): Promise<void> {
    return this.exclusive(async () => {
      const all = await this.manifests();
      if (all.some((entry) => entry.digest === manifest.digest && subjectOf(entry) === subject)) return;
      const annotations = { ...manifest.annotations, [subjectKey]: subject };
      await this.#writeIndex([...all, { ...manifest, annotations }]);
    });
  }

  /** Forgets that a manifest refers to something. False: it was not listed. */
  detach(digest: Digest): Promise<boolean> {
    return this.exclusive(async () => {
      const all = await this.manifests();
      const rest = all.filter((entry) => entry.digest !== digest || subjectOf(entry) === undefined);
      if (rest.length !== all.length) await this.#writeIndex(rest);
      return rest.length !== all.length;
    });
  }

  /** Forgets a tag; its history stays, so that the same name later goes on where it was. */
  remove(name: string): Promise<void> {
    return this.exclusive(async () => {
      const all = await this.manifests();
      const rest = all.filter((entry) => tagOf(entry) !== name);
      if (rest.length === all.length) throw notFound(name);
      await this.#writeHistory(await this.#history());
      await this.#writeIndex(rest);
    });
  }

  async list(): Promise<readonly TagHistory[]> {
    const history = await this.#history();
    const names = (await this.manifests()).map(tagOf);
    return [...new Set(names)]
      .filter((name) => name !== undefined)
      .sort()
      .map((name) => ({ name, history: history[name] ?? [] }));
  }

  /** The remembered history, with what the index knows better put right. */
  async #history(): Promise<HistoryFile> {
    const file = await readJsonFile(this.#historyPath);
    const history: HistoryFile = Object.create(null);
    const tags = isObject(file) && isObject(file['tags']) ? file['tags'] : {};
    for (const [name, moves] of Object.entries(tags)) {
      // Our own file, written by #writeHistory; a foreign shape is dropped rather than trusted.
      if (Array.isArray(moves)) history[name] = moves as HistoryFile[string];
    }
    for (const entry of await this.manifests()) {
      const name = tagOf(entry);
      if (name === undefined || history[name]?.at(-1)?.digest === entry.digest) continue;
      const { mtime } = await stat(this.#indexPath);
      history[name] = [...(history[name] ?? []), { time: mtime.toISOString(), digest: entry.digest }];
    }
    return history;
  }

  #writeIndex(manifests: readonly Descriptor[]): Promise<void> {
    const index = { schemaVersion: 2, mediaType: mediaType.index, manifests };
    return replaceFile(this.#indexPath, `${JSON.stringify(index, null, 2)}\n`, join(this.#root, 'ingest'));
  }

  #writeHistory(tags: HistoryFile): Promise<void> {
    const file = { schema: 'galley.dev/tag-history/v1', tags };
    return replaceFile(this.#historyPath, `${JSON.stringify(file, null, 2)}\n`, join(this.#root, 'ingest'));
  }

  /** One after the other. Not to be called within itself. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

/** The error for a name that leads nowhere. */
export function notFound(reference: string): GalleyError {
  return new GalleyError('IMAGE_NOT_FOUND', `There is no image "${reference}".`, {
    hint: 'galley image list',
    details: { reference },
  });
}
