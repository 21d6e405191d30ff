import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Emit } from '@galley/api/event';
import type { GuardOptions } from '../../download/guarded-http.ts';
import { findEndpoint } from '../lfs/endpoint.ts';
import { fetchObjects } from '../lfs/fetch-objects.ts';
import type { SourceTree } from '../source-tree.ts';
import { sourceLimits, TreeBuilder } from '../tree-builder.ts';
import { checkContextDir, decodePath } from '../tree-path.ts';
import { openAccess, type GitAccess } from './access.ts';
import {
  checkTransport,
  hostUrl,
  isLoopback,
  parseGitAddress,
  redactUrl,
  type GitAddress,
  type Transport,
} from './address.ts';
import { readBlobs } from './blobs.ts';
import { commitFacts, type CommitFacts } from './commit-facts.ts';
import { fetchCommit } from './fetch.ts';
import { pinGit, pinHttp, pinSsh } from './pin.ts';
import { followRedirects } from './redirects.ts';
import type { GitOptions } from './run-git.ts';
import { readSubmodules, submoduleAddress, submoduleUnavailable } from './submodules.ts';
import { listTree, type GitEntry } from './tree.ts';

export interface GitSource {
  /** Every form that `parseGitAddress` knows, also with `#ref` behind it. */
  readonly url: string;
  /** Branch, tag, commit or its first digits, pull or merge request; empty: what the address says, else the default branch. */
  readonly ref: string;
  /** A folder of the repository that is the source; empty: all of it. */
  readonly contextDir: string;
  /** False: submodules stay empty. */
  readonly submodules?: boolean | undefined;
  /** A token, `user:token`, or a private ssh key. */
  readonly secret?: string | undefined;
  /** The person who builds is the one whose machine it is: paths, ssh keys and git's own configuration count. Never in a server. */
  readonly own?: boolean | undefined;
}

export interface OpenGitOptions {
  /** A private folder of this build. */
  readonly spool: string;
  /** Private addresses that a repository may lead to. Default: none; with `own` all but those of this machine itself. */
  readonly privateHosts?: GuardOptions['privateHosts'] | undefined;
  /** Default: the system's resolver. */
  readonly resolve?: GuardOptions['resolve'];
  /** Remembers the keys of ssh hosts; default: only as long as the build. */
  readonly knownHosts?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
  /** What events are about: `build/x`. */
  readonly object?: string | undefined;
}

/** Deeper chains of submodules are no accident. */
const maxDepth = 8;
const maxRepositories = 200;

/**
 * A git repository as a source: one commit without its history, read from git's objects rather than from a checkout, so that
 * neither the umask nor a filter of the repository has a say; with its submodules and what it keeps in Git LFS. Throws
 * `REF_NOT_FOUND`, `SUBMODULE_UNAVAILABLE`, `LFS_POINTER`, `SOURCE_UNAUTHORIZED`, `SOURCE_NOT_FOUND`, `SOURCE_UNREACHABLE`, and what
 * every source throws.
 */
export async function openGit(source: GitSource, options: OpenGitOptions): Promise<SourceTree> {
  const address = parseGitAddress(source.url);
  const ref = chooseRef(source.ref, address);
  const own = source.own === true;
  checkTransport(address, { local: own, ref });
  const folder = checkContextDir(source.contextDir);
  const builder = new TreeBuilder(join(options.spool, 'files'));
  const reader = new RepositoryReader(source, options, builder);
  const { commit, facts } = await reader.add({
    address,
    ref,
    secret: source.secret,
    folder,
    prefix: '',
    depth: 0,
  });
  await rm(reader.work, { recursive: true, force: true });
  return builder.finish({
    origin: `git ${redactUrl(address.url)} ${ref === '' ? 'default branch' : ref} (${commit.slice(0, 7)})`,
    commit,
    ...facts,
    warnings: reader.leftOut.map((path) => `the submodule ${path} was left out`),
  });
}

function chooseRef(ref: string, { fragment }: GitAddress): string {
  if (ref === '' || fragment === '' || ref === fragment) return ref === '' ? fragment : ref;
  throw new GalleyError(
    'SOURCE_REFUSED',
    `The source names two references: ${ref}, and ${fragment} in its address.`,
    {
      hint: 'Give one of them.',
      details: { ref, fragment },
    },
  );
}

/** One repository on its way into the tree: the source itself, or a submodule. */
interface Part {
  readonly address: GitAddress;
  readonly ref: string;
  readonly secret: string | undefined;
  readonly folder: string;
  /** Where it lies in the tree, with a slash at its end; empty: at the root. */
  readonly prefix: string;
  readonly depth: number;
}

class RepositoryReader {
  readonly work: string;
  /** Submodules that nobody wanted. */
  readonly leftOut: string[] = [];
  readonly #source: GitSource;
  readonly #options: OpenGitOptions;
  readonly #builder: TreeBuilder;
  readonly #guard: GuardOptions | undefined;
  #count = 0;
  #entries = 0;

  constructor(source: GitSource, options: OpenGitOptions, builder: TreeBuilder) {
    this.#source = source;
    this.#options = options;
    this.#builder = builder;
    this.work = join(options.spool, 'git');
    const { privateHosts = () => Promise.resolve([]), resolve } = options;
    this.#guard =
      source.own === true ? undefined : { privateHosts, ...(resolve === undefined ? {} : { resolve }) };
  }

  /** Fetches a repository and adds its files; the commit that it was, and what that says about itself. */
  async add(part: Part): Promise<{ readonly commit: string; readonly facts: CommitFacts }> {
    const { signal } = this.#options;
    this.#count += 1;
    const workDir = join(this.work, String(this.#count));
    const cwd = join(workDir, 'objects.git');
    await mkdir(cwd, { recursive: true, mode: 0o700 });
    const own = this.#source.own === true;
    const knownHosts = this.#options.knownHosts ?? join(workDir, 'known_hosts.new');
    const guard = this.#guardOf(part.address);
    const sshLines =
      guard !== undefined && part.address.transport === 'ssh' ? await pinSsh(part.address, guard) : [];
    const access = await openAccess(part.address, {
      secret: part.secret,
      own,
      workDir,
      knownHosts,
      sshLines,
    });
    const local: GitOptions = { cwd, signal };
    const remote: GitOptions = { ...local, access, transports: transportsOf(part.address, own) };
    const step = part.prefix === '' ? part.address.url : `submodule ${part.prefix.slice(0, -1)}`;
    this.#tell(step, 'started');
    const commit = await this.#fetch(part, access, remote);
    const entries = await this.#list(part, commit, local);
    await this.#addFiles(part, entries, local);
    await this.#addContent(part, commit, access, remote);
    this.#tell(step, 'done', entries.length);
    await this.#addSubmodules(part, entries, commit, local);
    return { commit, facts: await commitFacts(commit, local) };
  }

  async #fetch(part: Part, access: GitAccess, remote: GitOptions): Promise<string> {
    const guard = this.#guardOf(part.address);
    const { transport, url: asNamed } = part.address;
    if (guard !== undefined && transport === 'git')
      return fetchCommit(await pinGit(part.address, guard), part.ref, remote);
    if (guard === undefined || !/^https?$/.test(transport)) return fetchCommit(asNamed, part.ref, remote);
    const { signal } = this.#options;
    const url = await followRedirects(part.address, { guard, credentials: access.http, signal });
    const pinned = await pinHttp(url, guard);
    const config = { ...access.config, 'http.followRedirects': 'false', ...pinned };
    return fetchCommit(url, part.ref, { ...remote, access: { ...access, config } });
  }

  async #list(part: Part, commit: string, local: GitOptions): Promise<readonly GitEntry[]> {
    const tree = part.folder === '' ? commit : `${commit}:${part.folder}`;
    const entries = await listTree(tree, sourceLimits.files - this.#entries, local);
    if (entries === undefined) {
      throw new GalleyError(
        'SOURCE_NOT_FOUND',
        `${part.address.url} has no folder ${part.folder} at ${commit.slice(0, 7)}.`,
        {
          hint: 'Check contextDir (--subdir): it is relative to the root of the repository.',
          details: { contextDir: part.folder },
        },
      );
    }
    this.#entries += entries.length;
    return entries;
  }

  async #addFiles(part: Part, entries: readonly GitEntry[], local: GitOptions): Promise<void> {
    const blobs = entries.filter(({ mode }) => mode !== '160000');
    let index = 0;
    const objects = blobs.map(({ object }) => object);
    for await (const content of readBlobs(objects, local)) {
      const { path, mode, size } = blobs[index] as GitEntry; // one stream for each object, in their order
      index += 1;
      if (mode === '120000') this.#builder.addLink(part.prefix + path, await readTarget(content, path, size));
      else await this.#builder.addFile(part.prefix + path, mode === '100755', content, size);
    }
  }

  /** What the repository keeps in Git LFS; pointers that are left at the end are those of a repository that has no such server. */
  async #addContent(part: Part, commit: string, access: GitAccess, remote: GitOptions): Promise<void> {
    const { pointers } = this.#builder;
    if (pointers.length === 0) return;
    const endpoint = await findEndpoint(part.address, { commit, path: pointers[0]?.path ?? '' }, remote);
    const total = pointers.reduce((sum, { size }) => sum + size, 0);
    let done = 0;
    await fetchObjects(pointers, endpoint, {
      credentials: access.http,
      allow: (url) => mayFetch(url, part.address),
      guard: this.#guardOf(part.address),
      signal: this.#options.signal,
      keep: async (pointer, content) => {
        await this.#builder.resolvePointer(pointer, content);
        done += pointer.size;
        this.#tell(`Git LFS ${pointer.path}`, 'progress', done, total);
      },
    });
  }

  async #addSubmodules(
    part: Part,
    entries: readonly GitEntry[],
    commit: string,
    local: GitOptions,
  ): Promise<void> {
    const wanted = entries.filter(({ mode }) => mode === '160000');
    if (wanted.length === 0) return;
    if (this.#source.submodules === false) {
      this.leftOut.push(...wanted.map(({ path }) => part.prefix + path));
      return;
    }
    const urls = await readSubmodules(commit, local);
    for (const { path, object } of wanted) {
      const url = urls.get(part.folder === '' ? path : `${part.folder}/${path}`);
      const name = part.prefix + path;
      if (url === undefined) throw submoduleUnavailable(name, '', undefined);
      try {
        if (part.depth >= maxDepth || this.#count >= maxRepositories)
          throw new Error('there are too many submodules in one another.');
        const { address, sameServer } = await submoduleAddress(part.address, url, object, this.#guard);
        const secret = sameServer ? part.secret : undefined;
        await this.add({
          address,
          ref: object,
          secret,
          folder: '',
          prefix: `${name}/`,
          depth: part.depth + 1,
        });
      } catch (error) {
        this.#options.signal?.throwIfAborted();
        // The innermost submodule is the one to name; limits and pointers are told as they are.
        if (error instanceof GalleyError && !unavailable.has(error.code)) throw error;
        throw submoduleUnavailable(name, redactUrl(url), error);
      }
    }
  }

  /**
   * What a person named is no place that a repository leads to: its host may be private, and hand out submodules and what it keeps in Git LFS.
   * Every other host must be public when it is asked, and not only when its name was read.
   */
  #guardOf({ host }: GitAddress): GuardOptions | undefined {
    if (this.#guard === undefined || isLoopback(host)) return undefined;
    const { privateHosts } = this.#guard;
    const home = homeHosts(parseGitAddress(this.#source.url));
    return { ...this.#guard, privateHosts: async () => [...home, ...(await privateHosts())] };
  }

  #tell(step: string, state: 'started' | 'progress' | 'done', done?: number, total?: number): void {
    const { emit, object = 'source' } = this.#options;
    emit?.({
      object,
      phase: 'source',
      step,
      state,
      ...(done === undefined ? {} : { done, unit: total === undefined ? 'files' : 'bytes' }),
      ...(total === undefined ? {} : { total }),
    });
  }
}

const unavailable = new Set([
  'SOURCE_NOT_FOUND',
  'SOURCE_REFUSED',
  'SOURCE_UNAUTHORIZED',
  'SOURCE_UNREACHABLE',
  'REF_NOT_FOUND',
]);

/** With a person's own configuration an https address may mean ssh (`insteadOf`), and the other way round. */
function transportsOf(address: GitAddress, own: boolean): readonly Transport[] {
  if (own && (address.transport === 'https' || address.transport === 'ssh')) return ['https', 'ssh'];
  return address.transport === 'http' ? ['http', 'https'] : [address.transport];
}

/** The doors of a server that was named: the one that was, and what it hands out besides over https (or http). */
function homeHosts(address: GitAddress): readonly string[] {
  const { host, transport } = address;
  if (host === '') return [];
  const { hostname, port } = new URL(hostUrl(address));
  const usual = { https: '443', http: '80', ssh: '22', git: '9418', file: '' }[transport];
  const ports = [port === '' ? usual : port, '443', ...(transport === 'http' ? ['80'] : [])];
  return ports.map((number) => `${hostname}:${number}`);
}

/** Where the content of a repository may be fetched from besides git: encrypted, or where the repository itself came from. */
function mayFetch(url: URL, from: GitAddress): boolean {
  const home = from.transport === 'http' && url.host === from.host;
  const loopback = isLoopback(url.hostname) && !isLoopback(from.host);
  return (
    (url.protocol === 'https:' && !loopback) ||
    (url.protocol === 'http:' && (home || (isLoopback(url.hostname) && isLoopback(from.host))))
  );
}

async function readTarget(content: AsyncIterable<Buffer>, path: string, size: number): Promise<string> {
  // PATH_MAX: no system follows a longer one.
  if (size > 0 && size <= 4096) return decodePath(Buffer.concat(await Readable.from(content).toArray()));
  throw new GalleyError('SOURCE_REFUSED', `${path} is a symlink of ${size} bytes, which leads nowhere.`, {
    hint: 'Remove it, then build again.',
    details: { path },
  });
}
