import { basename } from 'node:path';
import { parse } from 'smol-toml';
import { normalizeName } from '../recipe/requirement.ts';
import type { LockedWheel } from './lock.ts';
import { parseWheelName, wheelRank, type WheelTarget } from './wheel-name.ts';

interface PylockWheel {
  readonly url?: string;
  readonly path?: string;
  readonly name?: string;
  readonly size?: number;
  readonly hashes?: { readonly sha256?: string };
}

/**
 * The wheels of a pylock.toml (PEP 751) as uv writes it, the best one of each package for the target. uv has already left out what
 * cannot fit; of what is left the tags decide (charset-normalizer comes with three).
 */
export function parsePylock(text: string, target: WheelTarget): readonly LockedWheel[] {
  const document = parse(text) as { packages?: readonly Record<string, unknown>[] };
  return (document.packages ?? [])
    .map((item): LockedWheel => {
      const name = normalizeName(String(item['name']));
      const wheels = (item['wheels'] ?? []) as readonly PylockWheel[];
      const ranked = wheels
        .map((wheel) => ({ wheel, filename: filenameOf(wheel) }))
        .map(({ wheel, filename }) => ({ wheel, filename, rank: rankOf(filename, target) }))
        .filter(({ rank }) => rank !== undefined)
        .sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0) || (a.filename < b.filename ? 1 : -1));
      const [first] = ranked;
      const sha256 = first?.wheel.hashes?.sha256;
      if (first === undefined || sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256)) {
        throw new Error(`the lock has no wheel with a sha256 for ${name}`);
      }
      return {
        name,
        version: String(item['version']),
        filename: first.filename,
        sha256,
        size: first.wheel.size ?? 0,
        url: first.wheel.url?.startsWith('http') === true ? first.wheel.url : '',
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function filenameOf(wheel: PylockWheel): string {
  const last = wheel.url === undefined ? wheel.path : new URL(wheel.url).pathname;
  return wheel.name ?? decodeURIComponent(basename(last ?? ''));
}

function rankOf(filename: string, target: WheelTarget): number | undefined {
  const name = parseWheelName(filename);
  return name === undefined ? undefined : wheelRank(name, target);
}
