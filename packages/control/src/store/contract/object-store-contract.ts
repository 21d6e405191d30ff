import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Application } from '@galley/api/kind/application';
import type { KindName } from '@galley/api/kind/kinds';
import type { NewObject, ObjectStore, WatchEvent } from '../object-store.ts';

/** A store under test. `compact` makes watches from before now answer `GONE`. */
export interface StoreUnderTest {
  readonly store: ObjectStore;
  compact(): Promise<void>;
  close(): Promise<void>;
}

function application(name: string, extra: Partial<NewObject<'Application'>['metadata']> = {}) {
  return {
    metadata: { name, namespace: 'default', ...extra },
    spec: { source: { git: { url: `https://example.org/${name}.git` } } },
  } satisfies NewObject<'Application'>;
}

function ownedBuild(name: string, owner: Application, extra: object = {}): NewObject<'Build'> {
  const { uid } = owner.metadata;
  return {
    metadata: {
      name,
      namespace: 'default',
      ownerReferences: [{ apiVersion: owner.apiVersion, kind: owner.kind, name: owner.metadata.name, uid }],
      ...extra,
    },
    spec: { application: owner.metadata.name, number: 1, snapshot: owner.spec },
  };
}

async function take<K extends KindName>(events: AsyncIterable<WatchEvent<K>>, count: number) {
  const taken: WatchEvent<K>[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken.map((event) => `${event.type} ${event.object.metadata.name}`);
}

/** What every object store promises. `open` makes an empty one. */
export function objectStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`object store contract: ${name}`, () => {
    let opened: StoreUnderTest;
    let store: ObjectStore;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(async () => {
      await opened.close();
    });
    const watching = () => new AbortController().signal;

    test('a created object has a uid, a version, generation 1 and an initial status', async () => {
      const created = await store.create('Application', application('iris'));
      expect(created.metadata).toMatchObject({ name: 'iris', generation: 1, finalizers: [] });
      expect(created.metadata.uid).not.toBe('');
      expect(created.metadata.resourceVersion).not.toBe('');
      expect(created.status).toEqual({ readyReplicas: 0, conditions: [] });
      expect(await store.get('Application', 'default', 'iris')).toEqual(created);
    });

    test('a name is taken once per kind and project', async () => {
      await store.create('Application', application('iris'));
      await expect(store.create('Application', application('iris'))).rejects.toMatchObject({
        code: 'ALREADY_EXISTS',
      });
      await store.create('Application', application('iris', { namespace: 'other' }));
      const names = (await store.list('Application')).items.map((object) => object.metadata.namespace);
      expect(names).toEqual(['default', 'other']);
      expect((await store.list('Application', { namespace: 'other' })).items).toHaveLength(1);
    });

    test('an update on an old version is a conflict and changes nothing', async () => {
      const first = await store.create('Application', application('iris'));
      const second = await store.update<'Application'>({
        ...first,
        spec: { ...first.spec, egress: { hosts: ['a:1'] } },
      });
      await expect(
        store.update<'Application'>({ ...first, spec: { ...first.spec, egress: {} } }),
      ).rejects.toMatchObject({
        code: 'CONFLICT',
      });
      await expect(
        store.updateStatus<'Application'>({ ...first, status: { readyReplicas: 9, conditions: [] } }),
      ).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(await store.get('Application', 'default', 'iris')).toEqual(second);
    });

    test('the generation counts changes of the spec and nothing else', async () => {
      const first = await store.create('Application', application('iris'));
      const labelled = await store.update<'Application'>({
        ...first,
        metadata: { ...first.metadata, labels: { team: 'a' } },
      });
      expect(labelled.metadata.generation).toBe(1);
      const observed = await store.updateStatus<'Application'>({
        ...labelled,
        status: { readyReplicas: 1, conditions: [] },
      });
      expect(observed.metadata.generation).toBe(1);
      const changed = await store.update<'Application'>({
        ...observed,
        spec: { ...observed.spec, egress: { hosts: ['a:1'] } },
      });
      expect(changed.metadata.generation).toBe(2);
    });

    test('spec and status are written apart: neither write carries the other', async () => {
      const first = await store.create('Application', application('iris'));
      const updated = await store.update<'Application'>({
        ...first,
        spec: { ...first.spec, egress: {} },
        status: { readyReplicas: 7, conditions: [] },
      });
      expect(updated.status.readyReplicas).toBe(0);
      const observed = await store.updateStatus<'Application'>({
        ...updated,
        spec: { source: {} },
        status: { readyReplicas: 1, conditions: [] },
      });
      expect(observed.spec).toEqual(updated.spec);
      expect(observed.status.readyReplicas).toBe(1);
    });

    test('a write that changes nothing makes no version', async () => {
      const first = await store.create('Application', application('iris'));
      expect((await store.update<'Application'>(first)).metadata.resourceVersion).toBe(
        first.metadata.resourceVersion,
      );
      expect((await store.updateStatus<'Application'>(first)).metadata.resourceVersion).toBe(
        first.metadata.resourceVersion,
      );
    });

    test('an object with a finalizer stays, marked, until the finalizer is taken away', async () => {
      const first = await store.create('Application', application('iris', { finalizers: ['galley.dev/x'] }));
      const marked = await store.delete('Application', 'default', 'iris');
      expect(marked.metadata.deletionTimestamp).toBeDefined();
      expect(await store.get('Application', 'default', 'iris')).toEqual(marked);
      await store.update<'Application'>({ ...marked, metadata: { ...marked.metadata, finalizers: [] } });
      expect(await store.get('Application', 'default', 'iris')).toBeUndefined();
      expect(first.metadata.deletionTimestamp).toBeUndefined();
    });

    test('what an object owns goes with it, through every level', async () => {
      const owner = await store.create('Application', application('iris'));
      const build = await store.create('Build', ownedBuild('iris-1', owner));
      const below = { apiVersion: build.apiVersion, kind: 'Build', name: 'iris-1', uid: build.metadata.uid };
      await store.create('Monitor', {
        metadata: { name: 'iris', namespace: 'default', ownerReferences: [below] },
        spec: { application: 'iris' },
      });
      await store.delete('Application', 'default', 'iris');
      expect((await store.list('Build')).items).toEqual([]);
      expect((await store.list('Monitor')).items).toEqual([]);
    });

    test('with Foreground the owner is the last to go', async () => {
      const owner = await store.create('Application', application('iris'));
      const build = await store.create(
        'Build',
        ownedBuild('iris-1', owner, { finalizers: ['galley.dev/x'] }),
      );
      await store.delete('Application', 'default', 'iris', { propagation: 'Foreground' });
      expect(await store.get('Application', 'default', 'iris')).toBeDefined();
      const marked = await store.get('Build', 'default', 'iris-1');
      expect(marked?.metadata.deletionTimestamp).toBeDefined();
      if (marked !== undefined) {
        await store.update<'Build'>({ ...marked, metadata: { ...marked.metadata, finalizers: [] } });
      }
      expect(await store.get('Build', 'default', build.metadata.name)).toBeUndefined();
      expect(await store.get('Application', 'default', 'iris')).toBeUndefined();
    });

    test('with Orphan what it owns stays, without the owner', async () => {
      const owner = await store.create('Application', application('iris'));
      await store.create('Build', ownedBuild('iris-1', owner));
      await store.delete('Application', 'default', 'iris', { propagation: 'Orphan' });
      expect((await store.get('Build', 'default', 'iris-1'))?.metadata.ownerReferences).toEqual([]);
    });

    test('a deletion meant for another object of this name is a conflict', async () => {
      await store.create('Application', application('iris'));
      await expect(store.delete('Application', 'default', 'iris', { uid: 'other' })).rejects.toMatchObject({
        code: 'CONFLICT',
      });
      await expect(store.delete('Application', 'default', 'rose')).rejects.toMatchObject({
        code: 'OBJECT_NOT_FOUND',
      });
    });

    test('a watch without a version tells first what is there, then what changes', async () => {
      await store.create('Application', application('iris'));
      const seen = take(store.watch('Application', { signal: watching() }), 3);
      const rose = await store.create('Application', application('rose'));
      await store.update<'Application'>({ ...rose, spec: { ...rose.spec, egress: {} } });
      expect(await seen).toEqual(['ADDED iris', 'ADDED rose', 'MODIFIED rose']);
    });

    test('a watch from a list misses nothing and repeats nothing', async () => {
      await store.create('Application', application('iris'));
      const { resourceVersion } = await store.list('Application');
      await store.create('Application', application('rose', { namespace: 'other' }));
      await store.create('Application', application('lily'));
      await store.delete('Application', 'default', 'iris');
      const options = { namespace: 'default', resourceVersion, signal: watching() };
      expect(await take(store.watch('Application', options), 3)).toEqual([
        'ADDED lily',
        'MODIFIED iris',
        'DELETED iris',
      ]);
    });

    test('a watch from before what is kept says GONE', async () => {
      const { resourceVersion } = await store.list('Application');
      await store.create('Application', application('iris'));
      await opened.compact();
      const options = { resourceVersion, signal: watching() };
      await expect(take(store.watch('Application', options), 1)).rejects.toMatchObject({ code: 'GONE' });
    });

    test('a watch ends when its signal fires', async () => {
      const controller = new AbortController();
      const seen = take(store.watch('Application', { signal: controller.signal }), 1);
      controller.abort();
      expect(await seen).toEqual([]);
    });

    test('of many writers on one version exactly one wins', async () => {
      const first = await store.create('Application', application('iris'));
      const writes = Array.from({ length: 20 }, (_, index) =>
        store.update<'Application'>({
          ...first,
          spec: { ...first.spec, egress: { hosts: [`host:${index + 1}`] } },
        }),
      );
      const results = await Promise.allSettled(writes);
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    });
  });
}
