import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@galley/api/digest';
import { openLayoutStore } from '@galley/image/layout-store';
import type { ImageStore } from '@galley/image/store';
import type { Engine, Workload } from '../engine.ts';
import { createRuncEngine } from '../runc/create-runc-engine.ts';
import { checkIsolation } from '../runc/isolation.ts';
import { buildTestImage, testPython } from './test-image.ts';

/** Why the tests of the runc engine cannot run here; undefined: they can. */
export function runcUnavailable(): string | undefined {
  const { missing, fix } = checkIsolation();
  return missing === undefined ? undefined : `this machine lacks ${missing}; run: ${fix ?? 'galley doctor'}`;
}

/** A runc engine of its own for one test file: everything it makes lies in temporary directories. */
export interface RuncUnderTest {
  readonly engine: Engine;
  readonly root: string;
  readonly runtimeBase: string;
  readonly store: ImageStore;
  readonly image: Digest;
  /** A workload that runs a Python program on the test image. */
  workload(id: string, source: string, more?: Partial<Workload>): Workload;
  /** Closes this engine and opens another one over the same state, as after a restart. */
  reopen(): Promise<Engine>;
  /** Removes every workload and every directory. */
  dispose(): Promise<void>;
}

export async function openRuncUnderTest({
  prefix = 'galley-runc-',
  ...more
}: { indexUpstreams?: readonly string[]; prefix?: string } = {}): Promise<RuncUnderTest> {
  const base = mkdtempSync(join(tmpdir(), prefix));
  // Not below /tmp: its own directory of mode 0711, as /run/galley is.
  const runtimeBase = mkdtempSync('/run/galley-test-');
  chmodSync(runtimeBase, 0o711);
  mkdirSync(join(base, 'engine'));
  const store = await openLayoutStore(join(base, 'images'));
  const image = (await buildTestImage(store)).digest;
  const open = (): Promise<Engine> =>
    createRuncEngine({ root: join(base, 'engine'), store, runtimeBase, ...more });
  let engine = await open();
  return {
    get engine() {
      return engine;
    },
    root: join(base, 'engine'),
    runtimeBase,
    store,
    image,
    workload: (id, source, fields = {}) => ({
      id,
      project: 'tests',
      image,
      command: [testPython, '-I', '-c', source],
      env: {},
      rootfs: 'readonly',
      limits: { memoryBytes: 128 << 20, cpus: 1, pids: 64, openFiles: 256, diskBytes: 16 << 20 },
      files: {},
      secrets: {},
      tmpfs: [],
      ports: [],
      egress: { index: false, hosts: [] },
      labels: {},
      ...fields,
    }),
    async reopen() {
      await engine.close();
      engine = await open();
      return engine;
    },
    async dispose() {
      for (const { id } of await engine.list()) await engine.remove(id, 0);
      await engine.close();
      rmSync(base, { recursive: true, force: true });
      rmSync(runtimeBase, { recursive: true, force: true });
    },
  };
}
