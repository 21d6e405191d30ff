import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMemoryEngine, type MemoryEngine } from '@galley/engine/memory/memory-engine';
import type { Program } from '@galley/engine/memory/program';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import { readImage } from '@galley/image/assemble/read-image';
import type { Layer } from '@galley/image/descriptor';
import { buildLayer } from '@galley/image/layer/build-layer';
import { openLayoutStore } from '@galley/image/layout-store';
import type { ImageStore } from '@galley/image/store';
import { fileEntry } from '@galley/image/tar/entry';
import { bytecodeLayer } from '../rehearsal/bytecode.ts';
import { treeOfFiles } from '../source/tree-of-files.ts';
import type { Training } from '../training/training.ts';
import type { BuildWork } from './build-work.ts';
import { beginBytecode } from './early-bytecode.ts';
import { PhaseLog } from './phase-log.ts';
import { finish } from './train-and-rehearse.ts';

let root: string;
let store: ImageStore;
let dependencies: readonly Layer[];
let engine: MemoryEngine;
/** What each workload was given: the layers of its image and the names to compile. */
let compiled: { layers: readonly string[]; modules: unknown }[];
let program: Program;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bytecode-'));
  store = await openLayoutStore(join(root, 'images'));
  dependencies = [await layerOf('numpy'), await layerOf('postBuild')];
  compiled = [];
  program = async ({ workload, out }) => {
    const { modules } = JSON.parse(String(workload.files['/galley/in/modules.json'])) as { modules: unknown };
    const { layers } = await readImage(store, workload.image);
    compiled.push({ layers: layers.map(({ diffId }) => diffId), modules });
    await mkdir(join(out, 'pycache'));
    await writeFile(join(out, 'pycache', 'numpy.pyc'), 'code');
    return 0;
  };
  engine = createMemoryEngine({
    root: join(root, 'e'),
    programs: { '/opt/galley/runtime/bin/galley-runtime': (context) => program(context) },
  });
});
afterEach(async () => {
  await engine.close();
  await rm(root, { recursive: true });
});

const layerOf = (name: string): Promise<Layer> =>
  buildLayer(store, [fileEntry(name, Buffer.from(name))], { createdBy: name });

/** Only what compiling and rehearsing ask of a build. */
async function workOf(name: string, project = 'default'): Promise<BuildWork> {
  return {
    context: {
      engine,
      store,
      cacheDir: join(root, 'cache'),
      signal: AbortSignal.timeout(20_000),
      emit: () => undefined,
    },
    object: `build/${name}`,
    options: { name, project },
    phases: new PhaseLog(() => undefined, `build/${name}`),
    settings: { memoryBytes: 1e6, serviceMemoryBytes: 1e6, cpus: 1, egressHosts: [] },
    secrets: { service: { env: {}, files: {} } },
    workDir: join(root, name),
    tree: await treeOfFiles({ 'helper.py': '' }, join(root, `spool-${name}`)),
  } as unknown as BuildWork;
}

/** A build whose rehearsal found these. */
async function rehearsed(name: string, loaded: readonly string[]) {
  const work = await workOf(name);
  return bytecodeLayer({ ...work, application: name, project: 'default' }, work.tree, {
    dependencies,
    loaded,
  });
}

test('what the project’s last build loaded is compiled from the dependencies alone, and found by the rehearsal that loads the same', async () => {
  await rehearsed('first', ['helper', 'numpy']);
  dependencies = [...dependencies, await layerOf('one more')];
  const early = beginBytecode(await workOf('second'), dependencies);
  const layer = await early.layer;
  const layers = dependencies.map(({ diffId }) => diffId);
  expect(compiled.slice(1)).toEqual([{ layers, modules: ['numpy'] }]);
  expect(await rehearsed('second', ['helper', 'numpy'])).toMatchObject({ layer, cached: true });
  expect(await engine.list()).toEqual([]);
});

test('of another project nothing is known', async () => {
  await rehearsed('first', ['numpy']);
  expect(await beginBytecode(await workOf('first', 'other'), dependencies).layer).toBeUndefined();
  expect(compiled).toHaveLength(1);
});

test('a compiling that fails is nobody’s failure, and one that is ended stops; neither leaves its workload', async () => {
  await rehearsed('first', ['numpy']);
  dependencies = dependencies.slice(1);
  program = () => Promise.resolve(70);
  expect(await beginBytecode(await workOf('first'), dependencies).layer).toBeUndefined();
  expect(await engine.list()).toEqual([]);
  const started = Promise.withResolvers<void>();
  program = async ({ signal, killed }) => {
    started.resolve();
    await once(AbortSignal.any([signal, killed]), 'abort');
    return 0;
  };
  const early = beginBytecode(await workOf('first'), dependencies);
  await started.promise;
  await early.end();
  expect(await early.layer).toBeUndefined();
  expect(await engine.list()).toEqual([]);
});

test('a rehearsal that fails does not wait for it', async () => {
  await rehearsed('first', ['numpy']);
  dependencies = dependencies.slice(1);
  program = async ({ workload, signal, killed }) => {
    if (workload.command[1] === 'rehearse') return 1;
    await once(AbortSignal.any([signal, killed]), 'abort');
    return 0;
  };
  const work = await workOf('first');
  const candidate = await assembleImage(store, { layers: dependencies, config: {} });
  // Only what a rehearsal asks of it.
  const training = { sampleInfo: null } as Training;
  const bytecode = beginBytecode(work, dependencies);
  await expect(finish(work, { candidate, training, key: 'a', dependencies, bytecode })).rejects.toMatchObject(
    { code: 'REHEARSAL_FAILED' },
  );
  expect(await engine.list()).toEqual([]);
});
