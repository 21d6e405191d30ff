import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import type { Layer } from '@galley/image/descriptor';
import { buildLayer } from '@galley/image/layer/build-layer';
import { directoryEntry, type TarEntry } from '@galley/image/tar/entry';
import { LayerCache, type CachedLayer } from '../cache/layer-cache.ts';
import { RecordCache, stepKey } from '../cache/record-cache.ts';
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

/** What compiling needs of a build. */
export type CompileOptions = Pick<
  RehearseOptions,
  'context' | 'project' | 'application' | 'workDir' | 'settings'
>;

/** The layer of the modules that a rehearsal loaded, and a note of them for `likelyModules`. */
export async function bytecodeLayer(
  options: CompileOptions,
  tree: SourceTree,
  { dependencies, loaded }: { readonly dependencies: readonly Layer[]; readonly loaded: readonly string[] },
): Promise<BytecodeLayer> {
  const { context, project, application } = options;
  const modules = withoutOwn(tree, loaded);
  const made = await compile(options, dependencies, modules);
  for (const whose of [[project, application], [project]]) {
    await lastModules(context.cacheDir).set(stepKey(whose), modules);
  }
  return made;
}

/** What the application's last build loaded, or the project's: most often the next one loads the same. Undefined: nothing is known. */
export async function likelyModules(
  { context, project, application }: CompileOptions,
  tree: SourceTree,
): Promise<readonly string[] | undefined> {
  const last = lastModules(context.cacheDir);
  const modules = (await last.get(stepKey([project, application]))) ?? (await last.get(stepKey([project])));
  return modules === undefined ? undefined : withoutOwn(tree, modules);
}

function lastModules(cacheDir: string): RecordCache<readonly string[]> {
  return new RecordCache<readonly string[]>(cacheDir, 'last-modules');
}

/**
 * The layer of compiled modules. It follows from the dependency layers and the names alone, and whoever has the same ones gets it, whatever the project:
 * so it is made in an image of these layers, without the repository, its variables and its model (ADR 0041). The names of the repository's own
 * modules are left out, so that a new helper finds it made.
 */
export async function compile(
  options: CompileOptions,
  dependencies: readonly Layer[],
  modules: readonly string[],
): Promise<BytecodeLayer> {
  const { context } = options;
  const below = dependencies.map((layer) => layer.diffId);
  const key = stepKey({ bytecode: 2, below, modules });
  const made = await new LayerCache(context.cacheDir, context.store).getOrMake(key, async () => {
    const id = stepId('compile', options.project, options.application, key);
    const plan = JSON.stringify({ schema: 'galley.dev/modules/v1', modules });
    const image = await assembleImage(context.store, { layers: dependencies, config: {} });
    return runWorkload(
      {
        id,
        project: options.project,
        image: image.digest,
        command: ['/opt/galley/runtime/bin/galley-runtime', 'compile', '/galley/in/modules.json'],
        env: { LANG: 'C.UTF-8' },
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

function withoutOwn(tree: SourceTree, modules: readonly string[]): readonly string[] {
  return modules.filter((name) => !isOfRepository(tree, name));
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
