import { GalleyError } from '@galley/api/error/galley-error';
import type { Revision } from '@galley/api/kind/revision';
import type { Engine } from '@galley/engine/engine';
import type { MonitorDesk } from '../../monitor/monitor-desk.ts';
import type { MonitorStore } from '../../store/monitor-store.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { SecretStore } from '../../store/secret-store.ts';
import { secretsOfPhase } from '@galley/build/secret/secret-use';
import { setFinalizer } from '../controller.ts';
import type { ObservedRevision } from './observe.ts';
import { revisionFinalizer, type RevisionAction } from './plan.ts';
import { isRefusal } from './refusal.ts';
import type { ReplicaWorkload } from './replica-workload.ts';

export interface RevisionParts {
  readonly objects: ObjectStore;
  readonly engine: Engine;
  readonly secrets: SecretStore;
  readonly monitors: MonitorStore;
  /** Reads what a replica has counted, once more, before it goes. */
  readonly desk: Pick<MonitorDesk, 'collectLast'>;
  /** Written here, read by the next observation: see `ObservedRevision.refused`. */
  readonly refusals: Map<string, GalleyError>;
}

/** Does one action; each may be done twice. */
export async function actOnRevision(
  action: RevisionAction,
  observed: ObservedRevision,
  parts: RevisionParts,
  signal: AbortSignal,
): Promise<void> {
  const { revision } = observed;
  const { uid } = revision.metadata;
  switch (action.do) {
    case 'addFinalizer':
      return setFinalizer(parts.objects, 'Revision', revision, revisionFinalizer, true);
    case 'removeFinalizer':
      return setFinalizer(parts.objects, 'Revision', revision, revisionFinalizer, false);
    case 'ensure':
      return ensure(action.workload, revision, parts, signal);
    case 'remove':
      if (action.collect) await parts.desk.collectLast(revision, action.workload, signal);
      return parts.engine.remove(action.workload, action.graceMs);
    case 'removeRecords':
      parts.refusals.delete(uid);
      return parts.monitors.remove(uid);
  }
}

/**
 * The next status says why a replica could not be tried. What is the user's to mend is looked at again now and then; anything else is a failure of
 * this look, so that the driver tries again with its back-off and the server's log has it.
 */
async function ensure(
  workload: ReplicaWorkload,
  revision: Revision,
  parts: RevisionParts,
  signal: AbortSignal,
): Promise<void> {
  const { uid, namespace } = revision.metadata;
  try {
    const reveal = (name: string) => parts.secrets.reveal(namespace, name);
    const secrets = secretsOfPhase(revision.spec.secrets, 'service', reveal).files;
    await parts.engine.ensure({ ...workload, secrets }, signal);
    parts.refusals.delete(uid);
  } catch (error) {
    if (!(error instanceof GalleyError)) throw error;
    parts.refusals.set(uid, error);
    if (!isRefusal(error)) throw error;
  }
}
