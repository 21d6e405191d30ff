import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { formatBytes } from '@galley/api/kind/quantity';
import { packEntries } from './pack-entries.ts';
import type { CommitFacts } from './git/commit-facts.ts';
import type { IgnoreRule, SourceEntry, SourceFile, SourceTree } from './source-tree.ts';
import { rulesOfTree, type IgnoreMatcher } from './ignore-rules.ts';
import { parsePointer, type LfsPointer } from './lfs/pointer.ts';
import { checkTreePath, isGitInternal, resolveInTree } from './tree-path.ts';

/** Files up to this size stay in memory. */
const memoryBytes = 256 * 1024;
/** A repository above these is a data set; data has its own way in. */
export const sourceLimits: SourceLimits = { files: 100_000, bytes: 4 * 1024 ** 3 };

export interface SourceLimits {
  readonly files: number;
  /** Of all files together. */
  readonly bytes: number;
}

export interface TreeFacts extends CommitFacts {
  readonly origin: string;
  readonly commit?: string;
  readonly warnings?: readonly string[];
  /** Default: what the tree's own .gitignore files say. */
  readonly ignoredBy?: (path: string) => Promise<IgnoreRule | undefined>;
}

/** Collects the entries of a repository, whatever they come from, and closes them into a SourceTree. */
export class TreeBuilder {
  readonly #spool: string;
  readonly #limits: SourceLimits;
  readonly #entries = new Map<string, SourceEntry>();
  readonly #pointers = new Map<string, LfsPointer>();
  #bytes = 0;
  #spooled = 0;

  /** `spool`: a private folder of this build; it is removed by `dispose`. */
  constructor(spool: string, limits: SourceLimits = sourceLimits) {
    this.#spool = spool;
    this.#limits = limits;
  }

  /** `size`, where it is known before: what is too large is refused before a byte of it is read. */
  async addFile(
    rawPath: string,
    executable: boolean,
    source: Buffer | AsyncIterable<Buffer>,
    size = 0,
  ): Promise<void> {
    const path = this.#claim(rawPath);
    await this.#set(path, executable, source, size);
    const { content } = this.#entries.get(path) as SourceFile;
    const pointer = Buffer.isBuffer(content) ? parsePointer(path, content) : undefined;
    if (pointer !== undefined) this.#pointers.set(path, pointer);
  }

  /** Files that are only pointers to Git LFS so far; `finish` refuses what is left of them. */
  get pointers(): readonly LfsPointer[] {
    return [...this.#pointers.values()];
  }

  /** The content that a pointer stands for; the caller has checked its hash. */
  async resolvePointer(pointer: LfsPointer, source: AsyncIterable<Buffer>): Promise<void> {
    const before = this.#entries.get(pointer.path);
    await this.#set(pointer.path, before?.kind === 'file' && before.mode === 0o755, source, pointer.size);
    this.#pointers.delete(pointer.path);
  }

  async #set(
    path: string,
    executable: boolean,
    source: Buffer | AsyncIterable<Buffer>,
    expected: number,
  ): Promise<void> {
    if (this.#bytes + expected > this.#limits.bytes) throw this.#tooLarge(path);
    const content = Buffer.isBuffer(source) ? source : await this.#take(path, source);
    const size = Buffer.isBuffer(content) ? content.length : content.size;
    if (Buffer.isBuffer(source)) this.#count(path, size);
    this.#entries.set(path, {
      kind: 'file',
      path,
      mode: executable ? 0o755 : 0o644,
      size,
      content: Buffer.isBuffer(content) ? content : { spooled: content.spooled },
    });
  }

  addLink(rawPath: string, target: string): void {
    const path = this.#claim(rawPath);
    this.#entries.set(path, { kind: 'link', path, target });
  }

  /**
   * Archives of forges hold one folder, `model-1a2b3c4/`: when everything lies below one, it becomes the root.
   */
  liftOnlyFolder(): void {
    const tops = new Set([...this.#entries.keys()].map((path) => path.split('/', 1)[0] ?? ''));
    const [top = ''] = tops;
    if (tops.size === 1 && !this.#entries.has(top)) this.selectFolder(top);
  }

  /** Keeps only what lies below a folder, which becomes the root; false: there is no such folder. */
  selectFolder(folder: string): boolean {
    const inside = [...this.#entries.values()].filter(({ path }) => path.startsWith(`${folder}/`));
    this.#entries.clear();
    for (const entry of inside) {
      const path = entry.path.slice(folder.length + 1);
      this.#entries.set(path, { ...entry, path });
    }
    const pointers = [...this.#pointers.values()].filter(({ path }) => path.startsWith(`${folder}/`));
    this.#pointers.clear();
    for (const pointer of pointers) {
      const path = pointer.path.slice(folder.length + 1);
      this.#pointers.set(path, { ...pointer, path });
    }
    return inside.length > 0;
  }

  /** Throws `LFS_POINTER` with the files whose content nobody had, `SOURCE_REFUSED` for links that lead out. */
  async finish(facts: TreeFacts): Promise<SourceTree> {
    const [pointer, ...more] = this.pointers;
    if (pointer !== undefined) {
      const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
      throw new GalleyError(
        'LFS_POINTER',
        `${pointer.path}${others} is a Git LFS pointer; its content was never fetched.`,
        {
          hint: 'Run git lfs pull in the repository and build from that directory, or give the address of the repository: then it is fetched.',
          details: { path: pointer.path, paths: this.pointers.slice(0, 100).map(({ path }) => path) },
        },
      );
    }
    const entries = [...this.#entries.values()].sort((a, b) =>
      Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)),
    );
    this.#checkLinks(entries);
    const hash = createHash('sha256');
    for await (const chunk of packEntries(entries)) hash.update(chunk as Buffer);
    const warnings = [...(facts.warnings ?? []), ...caseWarnings(entries)];
    return builtTree(this.#spool, entries, `sha256:${hash.digest('hex')}`, { ...facts, warnings });
  }

  #claim(rawPath: string): string {
    const path = checkTreePath(rawPath);
    if (isGitInternal(path) || this.#entries.has(path)) {
      throw new GalleyError(
        'SOURCE_REFUSED',
        `The source holds ${JSON.stringify(path)} twice, or inside .git.`,
        {
          hint: 'Pack the source again without doubled names and without the folder .git.',
          details: { path },
        },
      );
    }
    if (this.#entries.size >= this.#limits.files) {
      throw new GalleyError(
        'SOURCE_TOO_LARGE',
        `The repository holds more than ${this.#limits.files} files.`,
        {
          hint: 'Keep data out of the repository, or build one folder of it: --subdir FOLDER.',
          details: { maxFiles: this.#limits.files, path },
        },
      );
    }
    return path;
  }

  #count(path: string, bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#limits.bytes) throw this.#tooLarge(path);
  }

  #tooLarge(path: string): GalleyError {
    const limit = formatBytes(this.#limits.bytes);
    return new GalleyError('SOURCE_TOO_LARGE', `With ${path} the repository holds more than ${limit}.`, {
      hint: 'Keep data out of the repository: add it to .gitignore and read it from where it lives.',
      details: { path, maxBytes: this.#limits.bytes },
    });
  }

  /** Keeps what is small and spools what is not, counting as it goes: a hostile stream may never end. */
  async #take(
    path: string,
    source: AsyncIterable<Buffer>,
  ): Promise<Buffer | { spooled: string; size: number }> {
    const head: Buffer[] = [];
    let size = 0;
    const iterator = source[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await iterator.next();
      if (done === true) return Buffer.concat(head);
      this.#count(path, value.length);
      head.push(value);
      size += value.length;
      if (size > memoryBytes) break;
    }
    await mkdir(this.#spool, { recursive: true, mode: 0o700 });
    this.#spooled += 1;
    const spooled = join(this.#spool, String(this.#spooled));
    const count = (bytes: number): void => {
      this.#count(path, bytes);
      size += bytes;
    };
    await pipeline(
      async function* () {
        yield* head;
        for (;;) {
          const { done, value } = await iterator.next();
          if (done === true) return;
          count(value.length);
          yield value;
        }
      },
      createWriteStream(spooled, { mode: 0o600 }),
    );
    return { spooled, size };
  }

  #checkLinks(entries: readonly SourceEntry[]): void {
    const links = linksOf(entries);
    for (const entry of entries) {
      const parent = entry.path.split('/').slice(0, -1).join('/');
      const throughLink =
        parent !== '' && (resolveInTree(links, parent) !== parent || this.#entries.has(parent));
      const leaves = entry.kind === 'link' && resolveInTree(links, entry.path) === undefined;
      if (!throughLink && !leaves) continue;
      throw new GalleyError(
        'SOURCE_REFUSED',
        `${entry.path} ${leaves ? 'is a symlink that leaves the repository' : 'lies behind a symlink or a file'}.`,
        {
          hint: 'Put the file itself into the repository, or make the link relative and inside it.',
          details: { path: entry.path, ...(entry.kind === 'link' ? { target: entry.target } : {}) },
        },
      );
    }
  }
}

function linksOf(entries: readonly SourceEntry[]): ReadonlyMap<string, string> {
  return new Map(entries.flatMap((entry) => (entry.kind === 'link' ? [[entry.path, entry.target]] : [])));
}

/** Linux holds both; macOS and Windows, where an image may be unpacked or a clone be made, hold one of them. */
function caseWarnings(entries: readonly SourceEntry[]): readonly string[] {
  const seen = new Map<string, string>();
  const warnings: string[] = [];
  for (const { path } of entries) {
    const folded = path.normalize('NFC').toLowerCase();
    const other = seen.get(folded);
    if (other !== undefined) warnings.push(`${other} and ${path} differ only in case or accents`);
    seen.set(folded, path);
  }
  return warnings.slice(0, 5);
}

function builtTree(
  spool: string,
  entries: readonly SourceEntry[],
  digest: Digest,
  facts: TreeFacts & Pick<SourceTree, 'warnings'>,
): SourceTree {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  const links = linksOf(entries);
  let rules: Promise<IgnoreMatcher> | undefined;
  const tree: SourceTree = {
    ignoredBy: async (path) => (await (rules ??= rulesOfTree(tree))).match(path),
    ...facts,
    digest,
    entries,
    find(path) {
      const entry = byPath.get(resolveInTree(links, path) ?? '');
      return entry?.kind === 'file' ? entry : undefined;
    },
    async read(file, maxBytes = 64 * 1024 * 1024) {
      if (file.size > maxBytes) {
        throw new GalleyError('SOURCE_REFUSED', `${file.path} is larger than ${maxBytes} bytes.`, {
          hint: 'A file of this sort should be small; clear the outputs of a notebook before it is committed.',
          details: { path: file.path, size: file.size },
        });
      }
      return Buffer.isBuffer(file.content) ? file.content : readFile(file.content.spooled);
    },
    pack: () => packEntries(entries),
    dispose: () => rm(spool, { recursive: true, force: true }),
  };
  return tree;
}
