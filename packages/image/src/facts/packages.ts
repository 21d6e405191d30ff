import type { Digest } from '@galley/api/digest';
import type { Image } from '../image.ts';
import type { ImageStore } from '../store.ts';
import { readEntry } from '../tar/read-entry.ts';
import { normalName, parseHeaders, type Headers } from '../wheel/metadata.ts';
import { parseRecord } from '../wheel/record.ts';
import { visibleEntries, type VisibleEntry } from './visible-entries.ts';

/** A package that an image holds. */
export interface PackageFacts {
  readonly ecosystem: 'debian' | 'python';
  /** Of Python as the index normalises it: `scikit-learn`. */
  readonly name: string;
  readonly version: string;
  /** Unpacked bytes as the package itself says; 0: it does not. */
  readonly sizeBytes: number;
  /** The layer that it is in, by its blob. */
  readonly layer: Digest;
  /** Where it is listed: `opt/galley/env/…/numpy-2.4.6.dist-info`, `var/lib/dpkg/status`. */
  readonly path: string;
  /** Debian: `amd64`, `all`. */
  readonly architecture?: string;
  /** Debian: the source package, where its name is another. */
  readonly source?: string;
  /** As the package writes it: an SPDX expression, or free words. */
  readonly licence?: string;
  readonly summary?: string;
  readonly homepage?: string;
}

/** Lists of packages are text of this size at most; larger ones are not read. */
const listBytesMax = 32 << 20;

const dpkgStatus = /^var\/lib\/dpkg\/status(?:\.d\/[^/]+)?$/;
const osRelease = /^(?:etc|usr\/lib)\/os-release$/;
const pythonMetadata = /^(.+\.dist-info)\/(METADATA|RECORD)$/;

/** The distribution of an image: os-release(5). */
export interface Distribution {
  /** `debian`. */
  readonly id: string;
  /** `12`; empty where it has none. */
  readonly version: string;
  /** `Debian GNU/Linux 12 (bookworm)`. */
  readonly name: string;
}

/** What an image holds, as far as it says so itself. */
export interface ImageContents {
  readonly distribution: Distribution | undefined;
  /** Sorted by ecosystem, name and place. */
  readonly packages: readonly PackageFacts[];
}

/** Takes the lists of packages out of the entries of an image. */
export class PackageReader {
  readonly #debian: PackageFacts[] = [];
  readonly #python = new Map<string, { facts?: PackageFacts; sizeBytes: number }>();
  #distribution: Distribution | undefined;

  /** True for the files that list packages. */
  wants(path: string): boolean {
    return dpkgStatus.test(path) || pythonMetadata.test(path) || osRelease.test(path);
  }

  /** Reads one of those, before the next entry is asked for. */
  async add(entry: VisibleEntry): Promise<void> {
    const content = await readEntry(entry, listBytesMax);
    if (content === undefined) return;
    const text = content.toString('utf8');
    if (osRelease.test(entry.path)) {
      this.#distribution ??= readOsRelease(text);
      return;
    }
    const at = { layer: entry.layer.descriptor.digest, path: entry.path };
    const [, folder = '', file = ''] = pythonMetadata.exec(entry.path) ?? [];
    if (folder === '') {
      this.#debian.push(...readDpkg(text, at));
      return;
    }
    const known = this.#python.get(folder) ?? { sizeBytes: 0 };
    if (file === 'RECORD') this.#python.set(folder, { ...known, sizeBytes: recordBytes(text) });
    else {
      const facts = readPython(text, { ...at, path: folder });
      if (facts !== undefined) this.#python.set(folder, { ...known, facts });
    }
  }

  contents(): ImageContents {
    const python = [...this.#python.values()].flatMap(({ facts, sizeBytes }) =>
      facts === undefined ? [] : [{ ...facts, sizeBytes }],
    );
    const packages = [...this.#debian, ...python].sort(
      (a, b) => compare(a.ecosystem, b.ecosystem) || compare(a.name, b.name) || compare(a.path, b.path),
    );
    return { distribution: this.#distribution, packages };
  }
}

/** Distribution and packages of an image as a container sees them. Throws as `visibleEntries` does. */
export async function readContents(
  store: ImageStore,
  image: Image,
  signal?: AbortSignal,
): Promise<ImageContents> {
  const reader = new PackageReader();
  for await (const entry of visibleEntries(store, image.layers, (path) => reader.wants(path), signal)) {
    await reader.add(entry);
  }
  return reader.contents();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `NAME="value"` lines. */
function readOsRelease(text: string): Distribution | undefined {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name = '', quoted, plain = ''] = /^([A-Z_]+)=(?:["'](.*)["']|(.*))$/.exec(line.trim()) ?? [];
    if (name !== '') values.set(name, (quoted ?? plain).slice(0, 200));
  }
  const id = values.get('ID');
  if (id === undefined || !/^[a-z0-9._-]+$/.test(id)) return undefined;
  return { id, version: values.get('VERSION_ID') ?? '', name: values.get('PRETTY_NAME') ?? id };
}

type Place = Pick<PackageFacts, 'layer' | 'path'>;

/** Debian's list: a paragraph for each package. */
function readDpkg(text: string, at: Place): readonly PackageFacts[] {
  return text.split(/\n\n+/).flatMap((paragraph): readonly PackageFacts[] => {
    const headers = parseHeaders(paragraph.replace(/^\n+/, ''));
    const [name, version, architecture, status] = ['package', 'version', 'architecture', 'status'].map(
      (field) => first(headers, field),
    );
    // `status.d` of distroless images has no Status; elsewhere a removed package keeps its paragraph.
    if (
      name === undefined ||
      version === undefined ||
      (status !== undefined && !status.endsWith(' installed'))
    )
      return [];
    const kibibytes = Number(first(headers, 'installed-size') ?? 0);
    const source = first(headers, 'source')?.replace(/ \(.*$/, '');
    return [
      {
        ecosystem: 'debian',
        name,
        version,
        sizeBytes: Number.isSafeInteger(kibibytes) ? kibibytes * 1024 : 0,
        ...at,
        ...(architecture === undefined ? {} : { architecture }),
        ...(source === undefined || source === name ? {} : { source }),
        ...about(headers, 'description'),
      },
    ];
  });
}

function readPython(text: string, at: Place): PackageFacts | undefined {
  const headers = parseHeaders(text);
  const [name, version] = [first(headers, 'name'), first(headers, 'version')];
  if (name === undefined || version === undefined) return undefined;
  // METADATA of old packages holds whole licences in one field.
  const licence = first(headers, 'license-expression') ?? first(headers, 'license')?.split('\n')[0];
  return {
    ecosystem: 'python',
    name: normalName(name),
    version,
    sizeBytes: 0,
    ...at,
    ...(licence === undefined || licence.length > 200 ? {} : { licence }),
    ...about(headers, 'summary'),
  };
}

/** An empty field says nothing. */
function first(headers: Headers, field: string): string | undefined {
  const value = headers.get(field)?.[0];
  return value === '' ? undefined : value;
}

function about(headers: Headers, summaryName: string): Pick<PackageFacts, 'summary' | 'homepage'> {
  const summary = first(headers, summaryName)?.split('\n')[0];
  const homepage = first(headers, 'homepage') ?? first(headers, 'home-page');
  return {
    ...(summary === undefined ? {} : { summary: summary.slice(0, 500) }),
    ...(homepage === undefined || !/^https?:\/\//.test(homepage) ? {} : { homepage: homepage.slice(0, 500) }),
  };
}

/** Bytes of all files that a RECORD lists with their size. */
function recordBytes(text: string): number {
  return [...parseRecord(text).values()].reduce((sum, { size }) => sum + size, 0);
}
