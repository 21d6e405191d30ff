import { createHash } from 'node:crypto';
import { compareBytes } from '../tar/order.ts';
import { holdsWhiteout } from '../tar/path.ts';
import { environmentPython, sitePackages, tarPrefix, type Environment } from './environment.ts';
import { launcher, rewriteShebang, wantsPython } from './launcher.ts';
import { place } from './placement.ts';
import type { Wheel } from './read-wheel.ts';
import { recordLine } from './record.ts';
import { wheelFault } from './wheel-fault.ts';
import { inflateAtOnceMax, inflateEntry, rawData } from './zip-data.ts';
import type { ZipEntry } from './zip-directory.ts';
import type { ZipFile } from './zip-file.ts';

/** One file of a layer, with where its bytes come from. */
export interface PlacedFile {
  /** In the tar: relative, from the root of the image. */
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  /** `sha256=…` as RECORD writes it: what the bytes must be, and by what two wheels' files are compared. */
  readonly hash: string;
  /** The package, for messages. */
  readonly owner: string;
  readonly source:
    | { readonly kind: 'zip'; readonly file: ZipFile; readonly entry: ZipEntry }
    | { readonly kind: 'bytes'; readonly content: Buffer };
}

/** A hash as RECORD writes it. */
export function recordHash(content: Uint8Array): string {
  return `sha256=${createHash('sha256').update(content).digest('base64url')}`;
}

class Placer {
  readonly files = new Map<string, PlacedFile>();
  readonly #wheel: Wheel;
  readonly #environment: Environment;

  constructor(wheel: Wheel, environment: Environment) {
    this.#wheel = wheel;
    this.#environment = environment;
  }

  /** A file of the archive; its RECORD line must have a hash (the specification asks for it and so do we). */
  entry(entry: ZipEntry): void {
    const placement = place(entry.name, this.#wheel, this.#environment);
    if (placement.kind === 'drop') return;
    if (placement.kind === 'refuse') throw this.#fault(placement.problem, entry.name);
    const hash = this.#wheel.record.get(entry.name)?.hash;
    if (hash === undefined)
      throw this.#fault(`holds ${entry.name}, which RECORD does not vouch for`, entry.name);
    if (placement.script) {
      this.#script(entry, placement.path, hash);
      return;
    }
    const mode = entry.executable ? 0o755 : 0o644;
    this.#add({ path: placement.path, mode, size: entry.size, hash, source: this.#zip(entry) });
  }

  /** A script; launchers of the same name are made by us, so the archive's are left out (pip does the same). */
  #script(entry: ZipEntry, path: string, hash: string): void {
    const name = path.slice(tarPrefix(this.#environment).length + '/bin/'.length);
    if (this.#wheel.entryPoints.some((point) => point.name === name)) return;
    if (entry.size <= inflateAtOnceMax) {
      const { file } = this.#wheel;
      const content = inflateEntry(file, entry, rawData(file, entry));
      if (wantsPython(content)) {
        if (recordHash(content) !== hash && hash.startsWith('sha256=')) {
          throw this.#fault(`holds ${entry.name}, whose bytes are not what RECORD says`, entry.name);
        }
        this.bytes(path, rewriteShebang(content, environmentPython(this.#environment)), 0o755);
        return;
      }
    }
    this.#add({ path, mode: 0o755, size: entry.size, hash, source: this.#zip(entry) });
  }

  bytes(path: string, content: Buffer, mode: number): void {
    const source = { kind: 'bytes', content } as const;
    this.#add({ path, mode, size: content.byteLength, hash: recordHash(content), source });
  }

  #zip(entry: ZipEntry): PlacedFile['source'] {
    return { kind: 'zip', file: this.#wheel.file, entry };
  }

  #add(file: Omit<PlacedFile, 'owner'>): void {
    if (holdsWhiteout(file.path))
      throw this.#fault(`holds ${file.path}, which would delete files of an image`, file.path);
    if (this.files.has(file.path)) throw this.#fault(`puts two files at ${file.path}`, file.path);
    this.files.set(file.path, { ...file, owner: `${this.#wheel.name} ${this.#wheel.version}` });
  }

  #fault(problem: string, name: string): Error {
    return wheelFault(this.#wheel.file.path, problem, { name });
  }
}

/** A path in the tar as RECORD writes it: relative to site-packages, with `..` for what lies beside. */
function relativeToSite(path: string, environment: Environment): string {
  const site = sitePackages(environment);
  if (path.startsWith(`${site}/`)) return path.slice(site.length + 1);
  return `../../../${path.slice(tarPrefix(environment).length + 1)}`;
}

/**
 * All files that installing the wheel gives, bytewise sorted by path: the archive's, a launcher per entry point, INSTALLER and the grown
 * RECORD. A pure function of wheel and environment, so REQUESTED and direct_url.json are not among them. Throws `WHEEL_INVALID`.
 */
export function placeWheel(wheel: Wheel, environment: Environment): PlacedFile[] {
  const placer = new Placer(wheel, environment);
  for (const entry of wheel.entries) placer.entry(entry);
  const python = environmentPython(environment);
  for (const point of wheel.entryPoints) {
    const path = `${tarPrefix(environment)}/bin/${point.name}`;
    placer.bytes(path, Buffer.from(launcher(point, python), 'utf8'), 0o755);
  }
  const distInfo = `${sitePackages(environment)}/${wheel.distInfo}`;
  placer.bytes(`${distInfo}/INSTALLER`, Buffer.from('galley\n'), 0o644);
  const lines = [...placer.files.values()].map((file) => ({
    path: relativeToSite(file.path, environment),
    hash: file.hash,
    size: file.size,
  }));
  lines.sort((left, right) => compareBytes(left.path, right.path));
  const text = lines.map((line) => recordLine(line.path, line.hash, line.size)).join('');
  const record = text + recordLine(`${wheel.distInfo}/RECORD`, undefined, 0);
  placer.bytes(`${distInfo}/RECORD`, Buffer.from(record, 'utf8'), 0o644);
  return [...placer.files.values()].sort((left, right) => compareBytes(left.path, right.path));
}
