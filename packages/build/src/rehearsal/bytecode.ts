import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { buildLayer } from '@galley/image/layer/build-layer';
import { directoryEntry, type TarEntry } from '@galley/image/tar/entry';
import { LayerCache, type CachedLayer } from '../cache/layer-cache.ts';
import { stepKey } from '../cache/record-cache.ts';
import type { SourceTree } from '../source/source-tree.ts';
import { readOutput, type Output } from '../workload/read-output.ts';
import { runWorkload } from '../workload/run-workload.ts';
import { stepId } from '../workload/step-id.ts';
import { stepLabels } from '../workload/leftovers.ts';
import { homeTmpfs, stepLimits, type RehearseOptions } from './rehearse.ts';

/** A layer of compiled modules and the key under which it is found again. */
export interface BytecodeLayer extends CachedLayer {
  readonly key: string;
}

/**
 * The layer of compiled modules. Its bytes follow from the dependency layers and the names alone: the repository's own modules are left
 * out, so that an edited cell or helper finds it made (ADR 0041).
 */
export async function bytecodeLayer(
  options: RehearseOptions,
  tree: SourceTree,
  loaded: readonly string[],
): Promise<BytecodeLayer> {
  const { context, candidate } = options;
  const modules = loaded.filter((name) => !isOfRepository(tree, name));
  const below = candidate.layers.slice(0, -2).map((layer) => layer.diffId);
  const key = stepKey({ bytecode: 1, below, modules });
  const made = await new LayerCache(context.cacheDir, context.store).getOrMake(key, async () => {
    const id = stepId('compile', options.project, options.application, key);
    const plan = JSON.stringify({ schema: 'galley.dev/modules/v1', modules });
    return runWorkload(
      {
        id,
        project: options.project,
        image: candidate.digest,
        command: ['/opt/galley/runtime/bin/galley-runtime', 'compile', '/galley/in/modules.json'],
        env: {},
        rootfs: 'readonly',
        limits: stepLimits(options.settings),
        files: { '/galley/in/modules.json': plan },
        secrets: {},
        tmpfs: homeTmpfs,
        ports: [],
        egress: { index: false, hosts: [] },
        timeoutMs: 10 * 60_000,
        labels: stepLabels('compile', options.project, options.application),
      },
      { engine: context.engine, signal: context.signal },
      async (ended) => {
        if (ended.status.exitCode !== 0) {
          throw new GalleyError(
            'REHEARSAL_FAILED',
            `Compiling the modules of ${options.application} failed: ${ended.stderr.at(-1) ?? ''}`,
            {
              hint: 'Report it with the details (-o json).',
              details: { exitCode: ended.status.exitCode, stderr: ended.stderr.join('\n') },
            },
          );
        }
        const output = await readOutput(context.engine, id, join(options.workDir, 'bytecode'), {
          signal: context.signal,
        });
        try {
          return await buildLayer(context.store, bytecodeEntries(output), {
            createdBy: 'galley bytecode',
            signal: context.signal,
          });
        } finally {
          await output.dispose();
        }
      },
    );
  });
  return { ...made, key };
}

function isOfRepository(tree: SourceTree, module: string): boolean {
  const [top = ''] = module.split('.');
  return tree.find(`${top}.py`) !== undefined || tree.find(`${top}/__init__.py`) !== undefined;
}

function bytecodeEntries(output: Output): readonly TarEntry[] {
  const files = [...output.files.values()].filter(
    ({ path }) => path.startsWith('pycache/') && path.endsWith('.pyc'),
  );
  const folders = new Set<string>();
  for (const { path } of files) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) folders.add(parts.slice(0, depth).join('/'));
  }
  const at = 'opt/galley/rehearsed';
  return [
    directoryEntry(at),
    ...[...folders].map((folder) => directoryEntry(`${at}/${folder}`)),
    ...files.map((file): TarEntry => {
      const path = `${at}/${file.path}`;
      return { path, type: 'file', mode: 0o644, size: file.size, content: () => createReadStream(file.file) };
    }),
  ];
}
