import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { MemoryEngine } from '@galley/engine/memory/memory-engine';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeHome } from '../../owner/home.ts';
import { openStores, type Stores } from '../../store/open-stores.ts';
import { someImage, someRevision } from '../test-objects.ts';
import { actOnRevision, type RevisionParts } from './act.ts';
import type { ObservedRevision } from './observe.ts';
import { planReplica } from './plan-replica.ts';
import { replicaWorkloads } from './replica-workload.ts';

let root: string;
let stores: Stores;
let engine: MemoryEngine;
let parts: RevisionParts;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-act-'));
  stores = openStores(makeHome(join(root, 'home')), Date.now);
  const untilKilled = ({ killed }: { killed: AbortSignal }): Promise<number> =>
    new Promise((resolve) => killed.addEventListener('abort', () => resolve(137)));
  engine = new MemoryEngine({ root, programs: { [someImage]: untilKilled } });
  const { objects, secrets, counts: monitors } = stores;
  const desk = { collectLast: async () => undefined };
  parts = { objects, engine, secrets, monitors, desk, refusals: new Map() };
});
afterEach(async () => {
  for (const { id } of await engine.list()) await engine.remove(id, 0);
  await engine.close();
  stores.close();
  await rm(root, { recursive: true });
});

/** Asks for the replica as a reconcile does, and what the next look says of it. */
async function ask(revision = someRevision(1)): Promise<{ thrown: unknown; reason: string | undefined }> {
  const [workload] = replicaWorkloads(revision);
  if (workload === undefined) throw new Error('a revision has a replica');
  const nowhere = { route: undefined, applied: true, inFlight: {} };
  const observed: ObservedRevision = {
    revision,
    application: undefined,
    newest: true,
    traffic: nowhere,
    replicas: new Map(),
    isolationFix: undefined,
    refused: undefined,
  };
  const { signal } = new AbortController();
  const thrown: unknown = await actOnRevision({ do: 'ensure', workload }, observed, parts, signal).catch(
    (error: unknown) => error,
  );
  const refused = parts.refusals.get(revision.metadata.uid);
  return { thrown, reason: planReplica({ ...observed, refused }, workload, 0).reason };
}

test('an engine that fails for a moment is a failure of the look, which is repeated, and nobody is told to mend anything', async () => {
  engine.inject({ operation: 'ensure', error: new GalleyError('ENGINE_FAILED', 'runc did not answer.') });
  const first = await ask();
  expect(first.thrown).toMatchObject({ code: 'ENGINE_FAILED' });
  expect(first.reason).toBe('EngineFailed');
  expect(await ask()).toEqual({ thrown: undefined, reason: 'Starting' });
});

test('a secret that is missing is said by the status and is no failure of the look', async () => {
  const secrets = [{ name: 'key', as: 'file', phases: ['service'] }] as const;
  const revision = someRevision(1, { spec: { secrets: [{ ...secrets[0], phases: ['service'] }] } });
  expect(await ask(revision)).toEqual({ thrown: undefined, reason: 'Refused' });
});
