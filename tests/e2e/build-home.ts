import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GalleyEvent } from '@galley/api/event';
import type { BuildContext, BuildOptions, BuildResult } from '@galley/build/build';
import { buildRepository } from '@galley/build/build-repository';
import { createRuncEngine } from '@galley/engine/runc/create-runc-engine';
import type { Engine } from '@galley/engine/engine';
import { openLayoutStore } from '@galley/image/layout-store';
import type { ImageStore } from '@galley/image/store';

/** Builds as the server does them, without the server: a real store, a real engine, a real index, in a folder of their own. */
export interface BuildHome {
  readonly root: string;
  readonly store: ImageStore;
  readonly engine: Engine;
  /** What a build needs of the world. */
  readonly context: BuildContext;
  /** Events of the last build. */
  readonly events: readonly Omit<GalleyEvent, 'time'>[];
  build(
    path: string,
    options?: Partial<BuildOptions>,
    more?: Partial<BuildContext> & { include?: readonly string[] },
  ): Promise<BuildResult>;
  dispose(): Promise<void>;
}

const noSecrets = {
  secrets: [],
  reveal: (name: string): string => {
    throw new Error(`the test has no secret ${name}`);
  },
};

/** The folder of a fixture under tests/fixtures/repositories. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/repositories/${name}`, import.meta.url));
}

export async function openBuildHome(root?: string): Promise<BuildHome> {
  const folder = root ?? (await mkdtemp(join(tmpdir(), 'galley-build-')));
  const store = await openLayoutStore(join(folder, 'images'), { wipe: true });
  const engine = await createRuncEngine({ root: join(folder, 'engine'), store });
  const events: Omit<GalleyEvent, 'time'>[] = [];
  const context: BuildContext = {
    store,
    engine,
    cacheDir: join(folder, 'cache'),
    privateHosts: () => Promise.resolve([]),
    emit: (event) => void events.push(event),
    signal: new AbortController().signal,
    now: Date.now,
  };
  return {
    root: folder,
    store,
    engine,
    context,
    events,
    build: (path, options = {}, { include = [], ...more } = {}) => {
      events.length = 0;
      return buildRepository(
        { kind: 'directory', path, include },
        { name: 'x', project: 'tests', notebooks: [], python: '', egressHosts: [], ...noSecrets, ...options },
        { ...context, ...more },
      );
    },
    async dispose() {
      for (const { id } of await engine.list()) await engine.remove(id, 0);
      await engine.close();
      if (root === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}
