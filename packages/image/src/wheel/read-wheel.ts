import type { EntryPoint } from './entry-points.ts';
import { parseEntryPoints } from './entry-points.ts';
import { normalName, parseHeaders } from './metadata.ts';
import { parseRecord, type RecordLine } from './record.ts';
import { wheelFault } from './wheel-fault.ts';
import { inflateEntry, rawData } from './zip-data.ts';
import { readZipDirectory, type ZipEntry } from './zip-directory.ts';
import { ZipFile } from './zip-file.ts';

/** METADATA of real packages reaches a few hundred kilobytes. */
const metadataBytesMax = 16 << 20;

/** A wheel that was opened and whose directory was checked; its files' contents are checked when they are read. */
export interface Wheel {
  readonly file: ZipFile;
  readonly name: string;
  readonly version: string;
  /** `cp311-cp311-manylinux_2_28_x86_64`. */
  readonly tags: readonly string[];
  /** `numpy-2.4.6.dist-info`. */
  readonly distInfo: string;
  readonly entries: readonly ZipEntry[];
  /** By name in the archive. */
  readonly record: ReadonlyMap<string, RecordLine>;
  readonly entryPoints: readonly EntryPoint[];
}

/** The one `*.dist-info` at the top. */
function findDistInfo(file: ZipFile, entries: readonly ZipEntry[]): string {
  const found = new Set<string>();
  for (const { name } of entries) {
    const top = name.slice(0, Math.max(0, name.indexOf('/')));
    if (top.endsWith('.dist-info')) found.add(top);
  }
  const [only, second] = found;
  if (only === undefined) throw wheelFault(file.path, 'has no .dist-info');
  if (second !== undefined) throw wheelFault(file.path, 'has several .dist-info', { found: [...found] });
  return only;
}

/**
 * Opens a wheel and reads what it says of itself; nothing of it runs. The caller closes `file`. Throws `WHEEL_INVALID` for everything that
 * is wrong with it: see `readZipDirectory`, and: metadata missing or of another package, a wheel version that is not 1.
 */
export async function readWheel(path: string): Promise<Wheel> {
  const file = new ZipFile(path);
  try {
    const entries = await readZipDirectory(file);
    const distInfo = findDistInfo(file, entries);
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    const text = (name: string): string | undefined => {
      const entry = byName.get(`${distInfo}/${name}`);
      if (entry === undefined) return undefined;
      if (entry.size > metadataBytesMax)
        throw wheelFault(path, `has a ${name} of ${entry.size} bytes`, { name });
      return inflateEntry(file, entry, rawData(file, entry)).toString('utf8');
    };
    const required = (name: string): string => {
      const content = text(name);
      if (content === undefined) throw wheelFault(path, `has no ${name}`, { distInfo });
      return content;
    };
    const metadata = parseHeaders(required('METADATA'));
    const wheel = parseHeaders(required('WHEEL'));
    const record = parseRecord(required('RECORD'));
    const name = metadata.get('name')?.[0] ?? '';
    const version = metadata.get('version')?.[0] ?? '';
    if (!/^1(\.|$)/.test(wheel.get('wheel-version')?.[0] ?? '')) {
      throw wheelFault(path, 'is of a wheel version that is not 1', {
        found: wheel.get('wheel-version') ?? [],
      });
    }
    const stem = distInfo.slice(0, -'.dist-info'.length);
    if (name === '' || normalName(stem.replace(/-[^-]*$/, '')) !== normalName(name)) {
      throw wheelFault(path, `says it is "${name}" but holds ${distInfo}`, { name, distInfo });
    }
    const entryPoints = parseEntryPoints(text('entry_points.txt') ?? '', (line) => {
      throw wheelFault(path, `has an entry point that is no program: ${JSON.stringify(line)}`, { line });
    });
    return { file, name, version, tags: wheel.get('tag') ?? [], distInfo, entries, record, entryPoints };
  } catch (error) {
    file.close();
    throw error;
  }
}
