import type { IndexFile } from './index-files.ts';
import { compareVersions, isFinal } from './version-order.ts';
import { parseWheelName, pythonsOf, wheelRank, type WheelTarget } from './wheel-name.ts';

/** Which wheels of a package there are around a version that has none for this Python. */
export interface Availability {
  /** That version has a wheel for this Python. */
  readonly fits: boolean;
  /** That version has a wheel for any Python at all: then its source is not built here. */
  readonly hasWheels: boolean;
  /** Pythons for which that version has wheels. */
  readonly pythons: readonly string[];
  /** The next newer and the next older version that have a wheel for this Python, then the newest; without doubles. */
  readonly nearest: readonly string[];
}

/** Judges the files of a package for one version; undefined: for all. Pure. */
export function availabilityOf(
  files: readonly IndexFile[],
  version: string | undefined,
  target: WheelTarget,
  asOf?: string,
): Availability {
  const wheels = files
    .filter(({ uploadTime }) => asOf === undefined || uploadTime === undefined || uploadTime < asOf)
    .flatMap(({ filename }) => parseWheelName(filename) ?? []);
  const own =
    version === undefined ? wheels : wheels.filter((wheel) => compareVersions(wheel.version, version) === 0);
  const fitting = wheels.filter((wheel) => wheelRank(wheel, target) !== undefined);
  const versions = [...new Set(fitting.map((wheel) => wheel.version))].filter(isFinal).sort(compareVersions);
  const newer =
    version === undefined ? undefined : versions.find((other) => compareVersions(other, version) > 0);
  const older =
    version === undefined ? undefined : versions.findLast((other) => compareVersions(other, version) < 0);
  const nearest = [newer, older, versions.at(-1)].filter((other) => other !== undefined);
  return {
    fits: own.some((wheel) => wheelRank(wheel, target) !== undefined),
    hasWheels: own.length > 0,
    pythons: pythonsOf(
      own.filter(
        (wheel) => wheelRank(wheel, { ...target, python: pythonOf(wheel.pythons, target) }) !== undefined,
      ),
    ),
    nearest: [...new Set(nearest)],
  };
}

/** A wheel for another Python still has to fit this machine. */
function pythonOf(tags: readonly string[], target: WheelTarget): string {
  const minor = tags.map((tag) => /^cp3(\d+)$/.exec(tag)?.[1]).find((found) => found !== undefined);
  return minor === undefined ? target.python : `3.${minor}`;
}
