import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBuildHome } from '../tests/e2e/build-home.ts';
import { makeBase, ourBuilds, sharedBytesPushed } from './build/our-builds.ts';
import { dockerBuilds, environmentBuilds, s2iBuilds } from './build/peer-builds.ts';
import { openBenchRegistry } from './build/registry.ts';
import { buildRows } from './build/rows.ts';
import { sizeRows } from './build/size.ts';
import { dockerAbsent, makePipImage, openDocker, type Docker } from './peer/docker.ts';
import type { BenchRow } from './row.ts';

/** One repository built by Galley and by the others: again, with another package, with another cell, pushed, pulled, and asked. */
export async function builds({ signal }: { readonly signal: AbortSignal }): Promise<readonly BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'galley-builds-'));
  const home = await openBuildHome(join(folder, 'home'));
  const registry = await openBenchRegistry();
  const absent = dockerAbsent();
  let docker: Docker | undefined;
  try {
    const base = await makeBase(home, signal);
    const ours = await ourBuilds(home, folder, signal);
    const shared = await sharedBytesPushed(home, ours, registry);
    const environments = await environmentBuilds(folder, signal);
    if (absent === undefined) {
      docker = await openDocker(join(folder, 'docker-daemon'), signal, {
        DOCKER_CONFIG: registry.dockerConfig,
      });
      await makePipImage(docker, base, join(folder, 'pip-image'));
    }
    const peers = {
      docker: docker === undefined ? (absent ?? '—') : await dockerBuilds(docker, folder),
      s2i: docker === undefined ? (absent ?? '—') : await s2iBuilds(docker, folder, signal),
      environments,
    };
    return [
      ...buildRows(ours, peers),
      {
        what: 'another repository, mostly the same wheels: bytes of shared layers that its push sends',
        ours: `${shared} bytes`,
        peer: '—',
        ratio: '—',
        target: '≤ 0 bytes',
      },
      ...(await sizeRows({ folder, registry, docker, absent, first: ours.first.result, home }, signal)),
    ];
  } finally {
    await docker?.close();
    await registry.close();
    await home.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}
