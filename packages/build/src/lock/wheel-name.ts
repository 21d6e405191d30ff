/** What a wheel's file name says (PEP 427). */
export interface WheelName {
  readonly distribution: string;
  readonly version: string;
  readonly build: string;
  readonly pythons: readonly string[];
  readonly abis: readonly string[];
  readonly platforms: readonly string[];
}

/** Letters that PEP 427 leaves to a name: it becomes a file of the cache and a line for the resolver, and strangers choose it. */
const plain = /^[\w.+!-]+\.whl$/;

/** Undefined: not a wheel's name. */
export function parseWheelName(filename: string): WheelName | undefined {
  if (!plain.test(filename)) return undefined;
  const parts = filename.slice(0, -'.whl'.length).split('-');
  if (parts.length !== 5 && parts.length !== 6) return undefined;
  const [distribution = '', version = '', ...rest] = parts;
  const build = rest.length === 4 ? (rest.shift() ?? '') : '';
  const [python = '', abi = '', platform = ''] = rest;
  return {
    distribution,
    version,
    build,
    pythons: python.split('.'),
    abis: abi.split('.'),
    platforms: platform.split('.'),
  };
}

/** What the images run on: CPython x.y on glibc of at least the baseline. */
export interface WheelTarget {
  /** `3.11`. */
  readonly python: string;
  /** `x86_64`, `aarch64`. */
  readonly machine: string;
}

/** The oldest glibc that our bases promise to wheels; every base has a newer one. */
export const glibcBaseline = { major: 2, minor: 28 };

const aliases: Readonly<Record<string, number>> = { manylinux1: 5, manylinux2010: 12, manylinux2014: 17 };

/**
 * How well a wheel fits, less is better; undefined: not at all. The order is pip's: this very Python before the stable ABI before
 * plain Python, and newer platform tags before older (packaging.tags).
 */
export function wheelRank(name: WheelName, target: WheelTarget): number | undefined {
  const pythons = name.pythons.flatMap((python) =>
    name.abis.map((abi) => interpreterRank(python, abi, target.python)),
  );
  const platforms = name.platforms.map((platform) => platformRank(platform, target.machine));
  const python = best(pythons);
  const platform = best(platforms);
  return python === undefined || platform === undefined ? undefined : python * 100 + platform;
}

function best(ranks: readonly (number | undefined)[]): number | undefined {
  const known = ranks.filter((rank) => rank !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function interpreterRank(python: string, abi: string, version: string): number | undefined {
  const minor = Number(version.split('.')[1]);
  const own = `cp3${minor}`;
  // Until 3.7 the name of the ABI ended in m.
  if (python === own && (abi === own || (minor < 8 && abi === `${own}m`))) return 0;
  const stable = /^cp3(\d+)$/.exec(python);
  if (abi === 'abi3' && stable !== null && Number(stable[1]) <= minor) return 1 + minor - Number(stable[1]);
  if (abi !== 'none') return undefined;
  if (python === own) return 50;
  const pure = /^py3(\d*)$/.exec(python);
  if (pure === null) return undefined;
  if (pure[1] === '') return 80;
  return Number(pure[1]) <= minor ? 51 + minor - Number(pure[1]) : undefined;
}

function platformRank(platform: string, machine: string): number | undefined {
  if (platform === 'any') return 99;
  if (platform === `linux_${machine}`) return 98;
  const modern = /^manylinux_2_(\d+)_(.+)$/.exec(platform);
  const legacy = /^(manylinux(?:1|2010|2014))_(.+)$/.exec(platform);
  const minor = modern === null ? aliases[legacy?.[1] ?? ''] : Number(modern[1]);
  if (minor === undefined || (modern?.[2] ?? legacy?.[2]) !== machine) return undefined;
  return minor <= glibcBaseline.minor ? glibcBaseline.minor - minor : undefined;
}

/** The Pythons (`3.9`) that wheels of these names are for, in order; a plain-Python wheel is for all and gives none. */
export function pythonsOf(names: readonly WheelName[]): readonly string[] {
  const minors = names.flatMap(({ pythons }) =>
    pythons.flatMap((python) => /^cp3(\d+)$/.exec(python)?.[1] ?? []).map(Number),
  );
  return [...new Set(minors)].sort((a, b) => a - b).map((minor) => `3.${minor}`);
}
