import { normalName } from '@galley/image/wheel/metadata';

/** One file of a project on a package index, as the simple repository API describes it (PEP 503, 691, 658). */
export interface IndexFile {
  readonly filename: string;
  /** Where the index keeps it; never shown to a workload. */
  readonly url: string;
  readonly hashes: Readonly<Record<string, string>>;
  readonly requiresPython?: string;
  /** A reason, or true. */
  readonly yanked?: string | boolean;
  /** Hashes of `<url>.metadata`, or true: it exists. */
  readonly metadata?: Readonly<Record<string, string>> | boolean;
}

/** The file as a workload may name it: no path, no surprise. */
const plainFilename = /^[A-Za-z0-9][A-Za-z0-9._+!-]{0,254}$/;
const filesMax = 50_000;

/** PEP 503: runs of `-_.` are one dash, lower case. Undefined when it is no name of a project. */
export function normaliseProject(name: string): string | undefined {
  if (!/^[A-Za-z0-9]([A-Za-z0-9._-]{0,127})$/.test(name)) return undefined;
  return normalName(name);
}

/** Reads a page in JSON form. What is not well-formed is left out: an index is another machine. */
export function filesOfJson(page: unknown, base: string): IndexFile[] {
  // Every member is checked before it is used.
  const entries = (page as { files?: unknown } | null)?.files;
  if (!Array.isArray(entries)) return [];
  return entries.slice(0, filesMax).flatMap((entry: Record<string, unknown>) => {
    const url = typeof entry['url'] === 'string' ? URL.parse(entry['url'], base) : null;
    const filename = entry['filename'];
    if (url === null || typeof filename !== 'string') return [];
    const requires = entry['requires-python'];
    const yanked = entry['yanked'];
    const metadata = entry['core-metadata'] ?? entry['dist-info-metadata'];
    return known({
      filename,
      url: url.href,
      hashes: hashesOf(entry['hashes']),
      ...(typeof requires === 'string' ? { requiresPython: requires } : {}),
      ...(typeof yanked === 'string' || yanked === true ? { yanked } : {}),
      ...(metadata === true || typeof metadata === 'object'
        ? { metadata: metadata === true ? true : hashesOf(metadata) }
        : {}),
    });
  });
}

/** Reads a page in HTML form: one anchor per file. */
export function filesOfHtml(page: string, base: string): IndexFile[] {
  const files: IndexFile[] = [];
  for (const match of page.matchAll(/<a\s([^>]*)>/gi)) {
    if (files.length >= filesMax) break;
    const attributes = attributesOf(match[1] ?? '');
    const url = URL.parse(attributes.get('href') ?? '', base);
    if (url === null) continue;
    const hash = /^#(sha256|sha384|sha512|md5)=([0-9a-fA-F]+)$/.exec(url.hash);
    const requires = attributes.get('data-requires-python');
    const yanked = attributes.get('data-yanked');
    const metadata = attributes.get('data-core-metadata') ?? attributes.get('data-dist-info-metadata');
    url.hash = '';
    files.push(
      ...known({
        filename: decodeURIComponent(url.pathname.split('/').at(-1) ?? ''),
        url: url.href,
        hashes: hash?.[1] === undefined || hash[2] === undefined ? {} : { [hash[1]]: hash[2].toLowerCase() },
        ...(requires === undefined ? {} : { requiresPython: requires }),
        ...(yanked === undefined ? {} : { yanked: yanked === '' ? true : yanked }),
        ...(metadata === undefined ? {} : { metadata: metadataOf(metadata) }),
      }),
    );
  }
  return files;
}

function known(file: IndexFile): IndexFile[] {
  return plainFilename.test(file.filename) && /^https?:/.test(file.url) ? [file] : [];
}

function hashesOf(value: unknown): Record<string, string> {
  const hashes: Record<string, string> = {};
  if (typeof value !== 'object' || value === null) return hashes;
  for (const [name, digest] of Object.entries(value)) {
    if (/^[a-z0-9]+$/.test(name) && typeof digest === 'string' && /^[0-9a-fA-F]+$/.test(digest)) {
      hashes[name] = digest.toLowerCase();
    }
  }
  return hashes;
}

function metadataOf(text: string): Record<string, string> | boolean {
  const match = /^([a-z0-9]+)=([0-9a-fA-F]+)$/.exec(text);
  return match?.[1] === undefined || match[2] === undefined ? true : { [match[1]]: match[2].toLowerCase() };
}

function attributesOf(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const match of text.matchAll(/([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    attributes.set((match[1] ?? '').toLowerCase(), unescapeHtml(match[2] ?? match[3] ?? ''));
  }
  return attributes;
}

function unescapeHtml(text: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", '#39': "'" };
  return text.replaceAll(/&(#?\w+);/g, (whole, name: string) => named[name] ?? whole);
}
