import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { packEntries } from './pack-entries.ts';
import type { IgnoreRule, SourceEntry, SourceFile, SourceTree } from './source-tree.ts';
import { checkTreePath, isGitInternal, resolveInTree } from './tree-path.ts';

/** Files up to this size stay in memory. */
const memoryBytes = 256 * 1024;
/** A repository above these is a data set; data has its own way in. */
const limits = { files: 100_000, bytes: 4 * 1024 ** 3 };
const lfsHeader = 'version https://git-lfs.github.com/spec/v1';

export interface TreeFacts {
  readonly origin: string;
  readonly commit?: string;
  readonly committedAt?: string | undefined;
  readonly warnings?: readonly string[];
  readonly ignoredBy: (path: string) => Promise<IgnoreRule | undefined>;
}

/** Collects the entries of a repository, whatever they come from, and closes them into a SourceTree. */
export class TreeBuilder {
  readonly #spool: string;
  readonly #entries = new Map<string, SourceEntry>();
  #bytes = 0;
  #spooled = 0;

  /** `spool`: a private folder of this build; it is removed by `dispose`. */
  constructor(spool: string) {
    this.#spool = spool;
  }

  async addFile(rawPath: string, executable: boolean, source: Buffer | AsyncIterable<Buffer>): Promise<void> {
    const path = this.#claim(rawPath);
    const content = Buffer.isBuffer(source) ? source : await this.#take(source);
    const size = Buffer.isBuffer(content) ? content.length : content.size;
    if (Buffer.isBuffer(source)) this.#count(size);
    if (Buffer.isBuffer(content) && content.length < 1024 && content.toString().startsWith(lfsHeader)) {
      throw new GalleyError('LFS_POINTER', `${path} is a Git LFS pointer; its content was never fetched.`, {
        hint: 'Run git lfs pull in the repository and build from that directory, or keep the file outside Git LFS.',
        details: { path },
      });
    }
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

  async finish(facts: TreeFacts): Promise<SourceTree> {
    const entries = [...this.#entries.values()].sort((a, b) =>
      Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)),
    );
    this.#checkLinks(entries);
    const hash = createHash('sha256');
    for await (const chunk of packEntries(entries)) hash.update(chunk as Buffer);
    return new BuiltTree(this.#spool, entries, `sha256:${hash.digest('hex')}`, facts);
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
    if (this.#entries.size >= limits.files) throw tooLarge(`more than ${limits.files} files`);
    return path;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > limits.bytes) throw tooLarge('more than 4 GiB');
  }

  /** Keeps what is small and spools what is not, counting as it goes: a hostile stream may never end. */
  async #take(source: AsyncIterable<Buffer>): Promise<Buffer | { spooled: string; size: number }> {
    const head: Buffer[] = [];
    let size = 0;
    const iterator = source[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await iterator.next();
      if (done === true) return Buffer.concat(head);
      this.#count(value.length);
      head.push(value);
      size += value.length;
      if (size > memoryBytes) break;
    }
    await mkdir(this.#spool, { recursive: true, mode: 0o700 });
    this.#spooled += 1;
    const spooled = join(this.#spool, String(this.#spooled));
    const count = (bytes: number): void => {
      this.#count(bytes);
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

function tooLarge(what: string): GalleyError {
  return new GalleyError('SOURCE_TOO_LARGE', `The repository holds ${what}.`, {
    hint: 'Keep data out of the repository: add it to .gitignore and read it from where it lives.',
  });
}

class BuiltTree implements SourceTree {
  readonly digest: Digest;
  readonly entries: readonly SourceEntry[];
  readonly origin: string;
  readonly commit?: string;
  readonly committedAt?: string;
  readonly warnings: readonly string[];
  readonly ignoredBy: SourceTree['ignoredBy'];
  readonly #spool: string;
  readonly #byPath: ReadonlyMap<string, SourceEntry>;
  readonly #links: ReadonlyMap<string, string>;

  constructor(spool: string, entries: readonly SourceEntry[], digest: Digest, facts: TreeFacts) {
    this.digest = digest;
    this.#spool = spool;
    this.entries = entries;
    this.#byPath = new Map(entries.map((entry) => [entry.path, entry]));
    this.#links = linksOf(entries);
    this.origin = facts.origin;
    if (facts.commit !== undefined) this.commit = facts.commit;
    if (facts.committedAt !== undefined) this.committedAt = facts.committedAt;
    this.warnings = facts.warnings ?? [];
    this.ignoredBy = facts.ignoredBy;
  }

  find(path: string): SourceFile | undefined {
    const entry = this.#byPath.get(resolveInTree(this.#links, path) ?? '');
    return entry?.kind === 'file' ? entry : undefined;
  }

  async read(file: SourceFile, maxBytes = 64 * 1024 * 1024): Promise<Buffer> {
    if (file.size > maxBytes) {
      throw new GalleyError('SOURCE_REFUSED', `${file.path} is larger than ${maxBytes} bytes.`, {
        hint: 'A file of this sort should be small; clear the outputs of a notebook before it is committed.',
        details: { path: file.path, size: file.size },
      });
    }
    return Buffer.isBuffer(file.content) ? file.content : readFile(file.content.spooled);
  }

  pack(): Readable {
    return packEntries(this.entries);
  }

  async dispose(): Promise<void> {
    await rm(this.#spool, { recursive: true, force: true });
  }
}
