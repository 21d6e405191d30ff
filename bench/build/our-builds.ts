import { join } from 'node:path';
import { buildBase } from '../../packages/build/src/base/build-base.ts';
import { planBase } from '../../packages/build/src/base/plan-base.ts';
import type { BuildResult } from '../../packages/build/src/build.ts';
import { readImage } from '../../packages/image/src/assemble/read-image.ts';
import { pushImage } from '../../packages/image/src/registry-client/push-image.ts';
import type { BuildHome } from '../../tests/e2e/build-home.ts';
import { layRepository } from '../peer/repository.ts';
import type { BenchRegistry } from './registry.ts';

/** A build in milliseconds, without the notebook's run and the rehearsal, and where they went. */
export interface OurBuild {
  readonly ms: number;
  /** The phases that took longest: `lock 1.2 s, layers 0.9 s`. */
  readonly phases: string;
  readonly result: BuildResult;
}

/** Galley's builds of the repository, in this order in one home. */
export interface OurBuilds {
  readonly first: OurBuild;
  readonly cell: OurBuild;
  readonly package: OurBuild;
  readonly other: OurBuild;
}

/** The user's code at work: what the targets leave out. */
const leftOut = new Set(['training', 'rehearsal']);
const python = '3.11';

/** The base alone, as everyone has it after a first build: Docker too begins with its image. The layer's file. */
export async function makeBase(home: BuildHome, signal: AbortSignal): Promise<string> {
  const cacheDir = join(home.root, 'cache');
  const options = { store: home.store, cacheDir, emit: () => undefined, object: 'bench', signal };
  const base = await buildBase(await planBase(python), options);
  return home.store.blobPath(base.layer.descriptor.digest);
}

/** First build, one cell edited, one package added, another repository with mostly the same wheels. */
export async function ourBuilds(home: BuildHome, folder: string, signal: AbortSignal): Promise<OurBuilds> {
  const repository = await layRepository(join(folder, 'galley'));
  const build = (path: string, name: string): Promise<OurBuild> => timedBuild(home, path, name, signal);
  const first = await build(repository.ours, 'one');
  await repository.editCell();
  const cell = await build(repository.ours, 'one');
  await repository.addPackage('humanize==4.9.0');
  const added = await build(repository.ours, 'one');
  const another = await layRepository(join(folder, 'galley-other'), ['tabulate==0.9.0']);
  await another.editCell();
  return { first, cell, package: added, other: await build(another.ours, 'other') };
}

async function timedBuild(
  home: BuildHome,
  path: string,
  name: string,
  signal: AbortSignal,
): Promise<OurBuild> {
  const start = performance.now();
  const result = await home.build(path, { name, python }, { signal });
  const whole = performance.now() - start;
  const users = result.phases.filter(({ phase }) => leftOut.has(phase));
  const ms = whole - users.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0);
  return { ms, phases: longest(result), result };
}

function longest(result: BuildResult): string {
  return result.phases
    .filter(({ phase, elapsedMs }) => !leftOut.has(phase) && elapsedMs >= 100)
    .toSorted((one, two) => two.elapsedMs - one.elapsedMs)
    .slice(0, 3)
    .map(({ phase, elapsedMs }) => `${phase} ${(elapsedMs / 1000).toFixed(1)} s`)
    .join(', ');
}

/** Pushes both images; what the second push sent of layers that the first image has too. */
export async function sharedBytesPushed(
  { store }: BuildHome,
  builds: OurBuilds,
  registry: BenchRegistry,
): Promise<number> {
  await pushImage(store, builds.first.result.image, registry.options('bench/one:v1', 'push'));
  const [first, other] = await Promise.all(
    [builds.first, builds.other].map(({ result }) => readImage(store, result.image)),
  );
  const before = new Set(first?.manifest.layers.map(({ digest }) => digest));
  const blobs = [...(other?.manifest.layers ?? []), ...(other === undefined ? [] : [other.manifest.config])];
  const own = blobs.filter(({ digest }) => !before.has(digest)).reduce((sum, { size }) => sum + size, 0);
  const report = await pushImage(
    store,
    builds.other.result.image,
    registry.options('bench/other:v1', 'push'),
  );
  return Math.max(0, report.sentBytes - own);
}
