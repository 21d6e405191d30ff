import { GalleyError } from '@galley/api/error/galley-error';
import type { Dispatcher } from 'undici';
import type { Requirement } from '../recipe/requirement.ts';
import { satisfies } from '../recipe/python-version.ts';
import { packageNotFound, type MissingWheel } from './explain-failure.ts';
import { listIndexFiles, type IndexFile } from './index-files.ts';
import { compareVersions, isFinal } from './version-order.ts';
import { parseWheelName, pythonsOf, wheelRank, type WheelTarget } from './wheel-name.ts';

/** A source distribution that a workload may build. */
export interface Sdist {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  /** May hold credentials of the index. */
  readonly url: string;
  readonly sha256: string;
  readonly size: number;
}

export interface FindSdistOptions {
  readonly index: string;
  readonly target: WheelTarget;
  readonly requirements: readonly Requirement[];
  readonly http: Dispatcher;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The source of a package that has no wheels at all. A version that has wheels for other Pythons is not built: an old numpy
 * would take a compiler and half an hour, and the person is better served by hearing which Pythons would do.
 * Throws `NO_WHEEL_FOR_PYTHON`, `PACKAGE_NOT_FOUND`, `INDEX_UNREACHABLE`.
 */
export async function findSdist(missing: MissingWheel, options: FindSdistOptions): Promise<Sdist> {
  const { requirements, target } = options;
  const files = await listIndexFiles(options.index, missing.name, options);
  if (files === undefined) throw packageNotFound(missing.name, requirements);
  const pinned = missing.version ?? pinOf(missing.name, requirements);
  const wheels = files.flatMap(({ filename }) => parseWheelName(filename) ?? []);
  const ofVersion = pinned === undefined ? wheels : wheels.filter(({ version }) => version === pinned);
  const sdists = files
    .flatMap((file) => toSdist(missing.name, file, target))
    .filter(({ version }) => (pinned === undefined ? isFinal(version) : version === pinned))
    .sort((a, b) => compareVersions(b.version, a.version));
  const [newest] = sdists;
  if (ofVersion.length === 0 && newest !== undefined) return newest;
  const fitting = wheels
    .filter((name) => wheelRank(name, target) !== undefined)
    .map(({ version }) => version);
  const fits = [...new Set(fitting)]
    .filter(isFinal)
    .sort((a, b) => compareVersions(b, a))
    .slice(0, 5);
  const pythons = pythonsOf(ofVersion);
  const version = pinned === undefined ? '' : ` ${pinned}`;
  throw new GalleyError(
    'NO_WHEEL_FOR_PYTHON',
    `${missing.name}${version} has no wheel for Python ${target.python}.`,
    {
      hint: [
        pythons.length === 0 ? '' : `It has wheels for Python ${pythons.join(', ')}.`,
        fits.length === 0 ? '' : `Versions that fit Python ${target.python}: ${fits.join(', ')}.`,
        'Change the version or build.python in galley.yaml.',
      ]
        .filter((part) => part !== '')
        .join(' '),
      details: { package: missing.name, version: pinned, pythons, fits },
    },
  );
}

function pinOf(name: string, requirements: readonly Requirement[]): string | undefined {
  const line = requirements.find((candidate) => candidate.name === name)?.line;
  return line === undefined ? undefined : /==\s*([A-Za-z0-9.!+]+)\s*(?:;.*)?$/.exec(line)?.[1];
}

function toSdist(name: string, file: IndexFile, target: WheelTarget): readonly Sdist[] {
  const match = /^(.+)-([^-]+)\.tar\.gz$/.exec(file.filename);
  if (match === null || file.sha256 === undefined) return [];
  if (file.requiresPython !== undefined && !satisfies(target.python, file.requiresPython)) return [];
  return [
    {
      name,
      version: match[2] ?? '',
      filename: file.filename,
      url: file.url,
      sha256: file.sha256,
      size: file.size,
    },
  ];
}
