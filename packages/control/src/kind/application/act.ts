import { GalleyError } from '@galley/api/error/galley-error';
import type { Engine } from '@galley/engine/engine';
import type { Application } from '@galley/api/kind/application';
import type { ObjectStore } from '../../store/object-store.ts';
import type { Traffic } from '../../traffic/traffic.ts';
import { cancelAnnotation, deployedAtAnnotation } from '../build/annotations.ts';
import { setFinalizer, unlessGone } from '../controller.ts';
import type { ObservedApplication } from './observe.ts';
import { applicationFinalizer, type ApplicationAction } from './plan.ts';

export interface ApplicationParts {
  readonly objects: ObjectStore;
  readonly engine: Engine;
  readonly traffic: Traffic;
}

/** Does one action; each may be done twice. */
export async function actOnApplication(
  action: ApplicationAction,
  observed: ObservedApplication,
  parts: ApplicationParts,
): Promise<void> {
  const { application } = observed;
  const { namespace, name } = application.metadata;
  const { objects, traffic } = parts;
  switch (action.do) {
    case 'addFinalizer':
      return setFinalizer(objects, 'Application', application, applicationFinalizer, true);
    case 'removeFinalizer':
      return setFinalizer(objects, 'Application', application, applicationFinalizer, false);
    case 'createBuild':
      return createBuild(action, application, objects);
    case 'cancelBuild':
      return cancelBuild(action, application, objects);
    case 'createRevision': {
      const metadata = { name: action.name, namespace, ownerReferences: ownedBy(application) };
      return unlessThere(() => objects.create('Revision', { metadata, spec: action.spec }));
    }
    case 'createMonitor': {
      const metadata = { name, namespace, ownerReferences: ownedBy(application) };
      return unlessThere(() => objects.create('Monitor', { metadata, spec: { application: name } }));
    }
    case 'route':
      return traffic.setRoute(namespace, name, { revision: action.revision, targets: action.targets });
    case 'unroute':
      return traffic.setRoute(namespace, name, undefined);
    case 'removeStep':
      return parts.engine.remove(action.workload, 0);
    case 'deleteObject':
      return unlessGone(() => objects.delete(action.kind, namespace, action.name));
  }
}

async function createBuild(
  action: Extract<ApplicationAction, { do: 'createBuild' }>,
  application: Application,
  objects: ObjectStore,
): Promise<void> {
  const { namespace, name } = application.metadata;
  await unlessThere(() =>
    objects.create('Build', {
      metadata: {
        name: action.name,
        namespace,
        ownerReferences: ownedBy(application),
        ...(action.deployedAt === undefined
          ? {}
          : { annotations: { [deployedAtAnnotation]: action.deployedAt } }),
      },
      spec: { application: name, number: action.number, snapshot: application.spec },
    }),
  );
}

async function cancelBuild(
  action: Extract<ApplicationAction, { do: 'cancelBuild' }>,
  application: Application,
  objects: ObjectStore,
): Promise<void> {
  const build = await objects.get('Build', application.metadata.namespace, action.name);
  if (build === undefined) return;
  const annotations = { ...build.metadata.annotations, [cancelAnnotation]: action.reason };
  await objects.update<'Build'>({ ...build, metadata: { ...build.metadata, annotations } });
}

function ownedBy(application: Application) {
  const { apiVersion, kind, metadata } = application;
  return [{ apiVersion, kind, name: metadata.name, uid: metadata.uid }];
}

/** Names are derived, so what exists under the name is what this action made before. */
async function unlessThere(create: () => Promise<unknown>): Promise<void> {
  await create().catch((error: unknown) => {
    if (!(error instanceof GalleyError && error.code === 'ALREADY_EXISTS')) throw error;
  });
}
