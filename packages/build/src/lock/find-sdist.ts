import { GalleyError } from '@galley/api/error/galley-error';
import type { Dispatcher } from 'undici';
import { pinOf, type Requirement } from '../recipe/requirement.ts';
import { satisfies } from '../recipe/python-version.ts';
import { packageNotFound, type MissingWheel } from './explain-failure.ts';
import { listIndexFiles, type IndexFile } from './index-files.ts';
import { compareVersions, isFinal } from './version-order.ts';
import { availabilityOf } from './wheel-availability.ts';
import type { WheelTarget } from './wheel-name.ts';

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
  /** RFC 3339: nothing newer counts. */
  readonly asOf?: string | undefined;
  readonly http: Dispatcher;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The source of a package that has no wheels at all. A version that has wheels for other Pythons is not built: an old numpy
 * would take a compiler and half an hour, and the person is better served by hearing which Pythons would do.
 * Throws `NO_WHEEL_FOR_PYTHON`, `PACKAGE_NOT_FOUND`, `INDEX_UNREACHABLE`.
 */
export async function findSdist(missing: MissingWheel, options: FindSdistOptions): Promise<Sdist> {
  const { requirements, target, asOf } = options;
  const files = await listIndexFiles(options.index, missing.name, options);
  if (files === undefined) throw packageNotFound(missing.name, requirements);
  const pinned = missing.version ?? pinnedVersion(missing.name, requirements);
  const found = availabilityOf(files, pinned, target, asOf);
  const sdists = files
    .filter(({ uploadTime }) => asOf === undefined || uploadTime === undefined || uploadTime < asOf)
    .flatMap((file) => toSdist(missing.name, file, target))
    .filter(({ version }) =>
      pinned === undefined ? isFinal(version) : compareVersions(version, pinned) === 0,
    )
    .sort((a, b) => compareVersions(b.version, a.version));
  const [newest] = sdists;
  if (!found.hasWheels && newest !== undefined) return newest;
  const { pythons, nearest } = found;
  const version = pinned === undefined ? '' : ` ${pinned}`;
  throw new GalleyError(
    'NO_WHEEL_FOR_PYTHON',
    `${missing.name}${version} has no wheel for Python ${target.python}${asOf === undefined ? '' : ` as of ${asOf.slice(0, 10)}`}.`,
    {
      hint: [
        pythons.length === 0 ? '' : `It has wheels for Python ${pythons.join(', ')}.`,
        nearest.length === 0
          ? ''
          : `Nearest versions that fit Python ${target.python}: ${nearest.join(', ')}.`,
        'Change the version or build.python in galley.yaml.',
      ]
        .filter((part) => part !== '')
        .join(' '),
      details: { package: missing.name, version: pinned, pythons, fits: nearest },
    },
  );
}

function pinnedVersion(name: string, requirements: readonly Requirement[]): string | undefined {
  const pins = requirements.filter((candidate) => candidate.name === name).map(pinOf);
  return pins.find((pin) => pin !== undefined);
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
