import { join } from 'node:path';
import { buildLikeS2i } from '../peer/s2i.ts';
import { layRepository } from '../peer/repository.ts';
import { withPip, withUv } from '../peer/virtual-environment.ts';
import type { Docker } from '../peer/docker.ts';

/** Milliseconds of the same four builds with a daemon. */
export interface PeerBuilds {
  readonly first: number;
  readonly cell: number;
  readonly package: number;
  readonly other: number;
}

/** Docker's classic builder, requirements before the sources. */
export async function dockerBuilds(docker: Docker, folder: string): Promise<PeerBuilds> {
  const build = (path: string, tag: string): Promise<number> => docker.build(path, tag);
  return fourBuilds(join(folder, 'docker'), build);
}

/** source-to-image's steps. An assemble script knows nothing of the build before, so a cell costs what a package costs. */
export async function s2iBuilds(docker: Docker, folder: string, signal: AbortSignal): Promise<PeerBuilds> {
  const upload = join(folder, 'upload.tar');
  return fourBuilds(join(folder, 's2i'), (path, tag) =>
    buildLikeS2i(docker, path, `s2i-${tag}`, upload, signal),
  );
}

async function fourBuilds(
  folder: string,
  build: (path: string, tag: string) => Promise<number>,
): Promise<PeerBuilds> {
  const repository = await layRepository(folder);
  const first = await build(repository.theirs, 'one');
  await repository.editCell();
  const cell = await build(repository.theirs, 'one');
  await repository.addPackage('humanize==4.9.0');
  const added = await build(repository.theirs, 'one');
  const another = await layRepository(`${folder}-other`, ['tabulate==0.9.0']);
  return { first, cell, package: added, other: await build(another.theirs, 'other') };
}

/** Milliseconds of a virtual environment with everything of the first build, packed. */
export async function environmentBuilds(
  folder: string,
  signal: AbortSignal,
): Promise<{ readonly pip: number; readonly uv: number }> {
  const { requirements } = await layRepository(join(folder, 'environments'));
  const pip = await withPip(requirements, folder, signal);
  return { pip, uv: await withUv(requirements, folder, signal) };
}
