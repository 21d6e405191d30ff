import { basename } from 'node:path';
import { parse } from 'smol-toml';
import { normalName } from '@galley/image/wheel/metadata';
import type { LockedWheel } from './lock.ts';
import type { LocalWheel } from './lock-request.ts';
import { parseWheelName, wheelRank, type WheelTarget } from './wheel-name.ts';

interface PylockFile {
  readonly url?: string;
  readonly path?: string;
  readonly name?: string;
  readonly size?: number;
  readonly hashes?: { readonly sha256?: string };
}

/** What the request says about the files that may be taken. */
export interface PylockPolicy {
  readonly allows: (name: string, sha256: string) => boolean;
  /** The error for a package whose fitting files are all refused. */
  readonly refused: (name: string, filenames: readonly string[]) => Error;
  /** Wheels that are here already, by sha256. */
  readonly local: ReadonlyMap<string, LocalWheel>;
}

const anything: PylockPolicy = {
  allows: () => true,
  refused: (name) => new Error(`no file of ${name} may be taken`),
  local: new Map(),
};

/**
 * The wheels of a pylock.toml (PEP 751) as uv writes it, the best one of each package for the target that the policy allows. uv has
 * already left out what cannot fit; of what is left the tags decide (charset-normalizer comes with three).
 */
export function parsePylock(
  text: string,
  target: WheelTarget,
  policy: PylockPolicy = anything,
): readonly LockedWheel[] {
  const document = parse(text) as { packages?: readonly Record<string, unknown>[] };
  return (document.packages ?? [])
    .map((item): LockedWheel => {
      const name = normalName(String(item['name']));
      const archive = (item['archive'] ?? {}) as PylockFile;
      const local = policy.local.get(archive.hashes?.sha256 ?? '');
      if (local !== undefined) {
        const { version, filename, sha256, size } = local;
        return { name, version, filename, sha256, size, url: '', local: true };
      }
      return bestWheel(
        name,
        String(item['version']),
        (item['wheels'] ?? []) as readonly PylockFile[],
        target,
        policy,
      );
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function bestWheel(
  name: string,
  version: string,
  wheels: readonly PylockFile[],
  target: WheelTarget,
  policy: PylockPolicy,
): LockedWheel {
  const fitting = wheels
    .map((wheel) => ({ wheel, filename: filenameOf(wheel), sha256: wheel.hashes?.sha256 ?? '' }))
    .map((found) => ({ ...found, rank: rankOf(found.filename, target) }))
    .filter(({ rank, sha256 }) => rank !== undefined && /^[0-9a-f]{64}$/.test(sha256))
    .sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0) || (a.filename < b.filename ? 1 : -1));
  if (fitting.length === 0) throw new Error(`the lock has no wheel with a sha256 for ${name}`);
  const first = fitting.find(({ sha256 }) => policy.allows(name, sha256));
  if (first === undefined)
    throw policy.refused(
      name,
      fitting.map(({ filename }) => filename),
    );
  const { filename, sha256, wheel } = first;
  const url = wheel.url?.startsWith('http') === true ? wheel.url : '';
  return { name, version, filename, sha256, size: wheel.size ?? 0, url };
}

function filenameOf(wheel: PylockFile): string {
  const last = wheel.url === undefined ? wheel.path : new URL(wheel.url).pathname;
  return wheel.name ?? decodeURIComponent(basename(last ?? ''));
}

function rankOf(filename: string, target: WheelTarget): number | undefined {
  const name = parseWheelName(filename);
  return name === undefined ? undefined : wheelRank(name, target);
}
