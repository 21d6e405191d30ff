import { GalleyError } from '@galley/api/error/galley-error';
import { RecordCache } from '../cache/record-cache.ts';
import { pinOf, withVersions, type Requirement } from '../recipe/requirement.ts';
import type { Lock, PinChange } from './lock.ts';
import { lockKey, type LockRequest, type Root } from './lock-request.ts';
import { makeLock, type MadeLock } from './make-lock.ts';
import { missingPins } from './missing-pins.ts';
import type { ResolverOptions } from './resolver.ts';

/** Every round replaces at least one pin; a frozen environment has some hundred. */
const roundsMax = 60;

interface Change {
  readonly from: string;
  readonly where: string;
  readonly why: string;
  /** What stands in the pin's place: `==1.23.2`, `>=1.23.2`. */
  readonly versions: string;
}

/**
 * Locks requirements as `makeLock` does, and replaces exactly those pins that stand in the way: first what has no wheel here, by the
 * nearest newer version that has one; then what excludes such a replacement, by its own version or newer. Every change is in the lock.
 * Throws as `makeLock` when nothing is left that may be replaced.
 */
export async function makeModernLock(request: LockRequest, options: ResolverOptions): Promise<MadeLock> {
  const records = new RecordCache<LockRequestChanges>(options.cacheDir, 'modern-locks');
  const key = lockKey(request);
  const known = (await records.get(key))?.changes ?? {};
  const changes = new Map<string, Change>(Object.entries(known));
  for (let round = 0; ; round += 1) {
    try {
      const made = await makeLock(changed(request, changes), options);
      await records.set(key, { changes: Object.fromEntries(changes) });
      return { ...made, lock: withChanges(made.lock, changes) };
    } catch (error) {
      const progressed = round < roundsMax && (await relax(error, request, changes, options));
      if (!progressed) throw error;
    }
  }
}

interface LockRequestChanges {
  readonly changes: Readonly<Record<string, Change>>;
}

/** False: nothing could be replaced that this error is about. */
async function relax(
  error: unknown,
  request: LockRequest,
  changes: Map<string, Change>,
  options: ResolverOptions,
): Promise<boolean> {
  if (!(error instanceof GalleyError)) return false;
  if (error.code === 'NO_WHEEL_FOR_PYTHON') return relaxMissing(request, changes, options);
  const pins = pinsOf(request);
  if (error.code === 'SDIST_BUILD_FAILED') {
    const requirement = pins.get(String(error.details['package']));
    return (
      requirement !== undefined &&
      widen(requirement, 'it exists only as source that cannot be built here', changes)
    );
  }
  if (error.code !== 'RESOLUTION_FAILED') return false;
  const said = (error.cause instanceof Error ? error.cause.message : '').replace(/\s+/g, ' ');
  const named = [...said.matchAll(/you require ([A-Za-z0-9._-]+)==/g)].flatMap(
    (match) => pins.get(match[1] ?? '') ?? [],
  );
  const why = /[Bb]ecause (.+?), we can conclude/.exec(said)?.[1] ?? 'another replacement excludes it';
  // First what is still a pin of the user's; then what we pinned ourselves.
  const fresh = named.filter(({ name }) => !changes.has(name));
  const own = named.filter(({ name }) => changes.get(name)?.versions.startsWith('==') === true);
  const relaxed = changes.size > 0 ? (fresh.length > 0 ? fresh : own) : [];
  return relaxed.map((requirement) => widen(requirement, why, changes)).some((done) => done);
}

async function relaxMissing(
  request: LockRequest,
  changes: Map<string, Change>,
  options: ResolverOptions,
): Promise<boolean> {
  const missing = await missingPins(changed(request, changes), options);
  let progressed = false;
  for (const { requirement, version, nearest } of missing) {
    const [nearestVersion] = nearest;
    if (nearestVersion === undefined || changes.has(requirement.name)) continue;
    progressed = true;
    changes.set(requirement.name, {
      from: version,
      where: requirement.from,
      why: `it has no wheel for Python ${request.target.python}`,
      versions: `==${nearestVersion}`,
    });
  }
  return progressed;
}

function widen(requirement: Requirement, why: string, changes: Map<string, Change>): boolean {
  const known = changes.get(requirement.name);
  // `pandas==1.5.0 depends on python-dateutil>=2.8.1`: the least that will do, so that as little as possible changes.
  const least = known === undefined ? leastVersion(requirement.name, why) : undefined;
  const version = known === undefined ? pinOf(requirement) : /^==(.+)$/.exec(known.versions)?.[1];
  if (version === undefined) return false;
  changes.set(requirement.name, {
    from: known?.from ?? version,
    where: requirement.from,
    why: known?.why ?? why,
    versions: least === undefined ? `>=${version}` : `==${least}`,
  });
  return true;
}

function leastVersion(name: string, why: string): string | undefined {
  return [...why.matchAll(/depends on ([A-Za-z0-9._-]+)>=([0-9][A-Za-z0-9.]*)/g)].find(
    ([, other]) => other === name,
  )?.[2];
}

function pinsOf(request: LockRequest): ReadonlyMap<string, Requirement> {
  return new Map(
    [...request.requirements, ...request.running, ...request.constraints]
      .filter((requirement) => pinOf(requirement) !== undefined)
      .map((requirement) => [requirement.name, requirement]),
  );
}

function changed(request: LockRequest, changes: ReadonlyMap<string, Change>): LockRequest {
  const replace = (root: Root): Root => {
    const change = changes.get(root.name);
    return change === undefined || pinOf(root) === undefined ? root : withVersions(root, change.versions);
  };
  return {
    ...request,
    requirements: request.requirements.map(replace),
    running: request.running.map(replace),
    constraints: request.constraints.map(replace),
  };
}

function withChanges(lock: Lock, changes: ReadonlyMap<string, Change>): Lock {
  const versions = new Map(lock.wheels.map(({ name, version }) => [name, version]));
  const made = [...changes].map(([name, { from, where, why }]): PinChange => ({
    name,
    from,
    to: versions.get(name) ?? 'not installed',
    where,
    why,
  }));
  return made.length === 0 ? lock : { ...lock, changes: made };
}
