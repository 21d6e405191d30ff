import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildResult } from '../packages/build/src/build.ts';
import { buildRepository } from '../packages/build/src/build-repository.ts';
import { withOwnBuild } from '../packages/control/src/own-build.ts';
import type { BenchRow } from './row.ts';

const example = fileURLToPath(new URL('../examples/iris', import.meta.url));
/** What the target leaves out: the notebook's own run and the rehearsal. */
const leftOut = new Set(['training', 'rehearsal']);

/** A warm rebuild after one cell was edited: what Galley itself takes, beside the first build of the same repository. */
export async function rebuild({ signal }: { readonly signal: AbortSignal }): Promise<readonly BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'galley-rebuild-'));
  const path = join(folder, 'iris');
  const source = { kind: 'directory', path, include: [] } as const;
  const options = {
    name: 'iris',
    project: 'default',
    notebooks: [],
    python: '',
    egressHosts: [],
    secrets: [],
  };
  const own = { home: join(folder, 'home'), purpose: 'bench', emit: () => undefined, signal, now: Date.now };
  const build = (): Promise<BuildResult> =>
    withOwnBuild(own, (context) =>
      buildRepository(source, { ...options, reveal: context.reveal(options.project) }, context),
    );
  try {
    await cp(example, path, { recursive: true });
    const first = await build();
    const notebook = join(path, 'iris.ipynb');
    await writeFile(notebook, (await readFile(notebook, 'utf8')).replace('test_size=0.4', 'test_size=0.5'));
    const second = await build();
    const warm = sumOf(second, (phase) => !leftOut.has(phase));
    const cold = sumOf(first, (phase) => !leftOut.has(phase));
    const service = sumOf(second, (phase) => phase === 'service');
    return [
      {
        what: 'warm rebuild after editing one cell, besides the run and the rehearsal',
        ours: `${(warm / 1000).toFixed(2)} s`,
        peer: `${(cold / 1000).toFixed(2)} s (the first build of the same repository)`,
        ratio: '—',
        target: '≤ 1 s',
        note: `${(service / 1000).toFixed(2)} s of it is the service image and its check, in a replica that started beside the rehearsal`,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function sumOf(result: BuildResult, wanted: (phase: string) => boolean): number {
  return result.phases
    .filter(({ phase }) => wanted(phase))
    .reduce((sum, { elapsedMs }) => sum + elapsedMs, 0);
}
