import { createHash } from 'node:crypto';
import { isDigest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { resolveSpec } from '@galley/api/kind/application-defaults';
import type { Revision } from '@galley/api/kind/revision';
import { secretEnv, usesOfPhase } from '@galley/build/secret/secret-use';
import { applicationLabel, projectLabel } from '@galley/build/workload/leftovers';
import type { Workload } from '@galley/engine/engine';
import { servicePort } from '../../replica/health.ts';

/** On every replica, besides whose it is: which revision it serves. */
export const revisionLabel = 'dev.galley.revision';

/** HOME's own folders are writable and forgotten (docs/design/wire.md, "Paths in images"). */
const homeTmpfs = ['.cache', '.config', '.local'].map((name) => `/home/galley/${name}`);
const limits = { pids: 512, openFiles: 4096, diskBytes: 2 * 1024 ** 3 };

/** A replica's workload without its secrets, which never enter a plan. */
export type ReplicaWorkload = Omit<Workload, 'secrets'>;

/** What each replica of a revision is: one entry per replica, its id derived from the revision and a hash of the rest. */
export function replicaWorkloads(revision: Revision): readonly ReplicaWorkload[] {
  const { replicas } = resolveSpec({ service: revision.spec.service });
  return Array.from({ length: replicas }, (_, index) => replicaWorkload(revision, index));
}

/** The runtime's own names for who may say when a request happened (docs/design/wire.md). */
function eventTimeEnv(monitor: Revision['spec']['monitor']): Readonly<Record<string, string>> {
  const { eventTime, eventTimeColumn } = monitor ?? {};
  return {
    ...(eventTime === true ? { GALLEY_EVENT_TIME: '1' } : {}),
    ...(eventTimeColumn === undefined ? {} : { GALLEY_EVENT_TIME_COLUMN: eventTimeColumn }),
  };
}

function replicaWorkload(revision: Revision, index: number): ReplicaWorkload {
  const { spec, metadata } = revision;
  if (!isDigest(spec.image)) {
    throw new GalleyError('OBJECT_INVALID', `Revision ${metadata.name} names no image.`);
  }
  const resolved = resolveSpec({ service: spec.service });
  const body: Omit<ReplicaWorkload, 'id'> = {
    project: metadata.namespace,
    image: spec.image,
    command: [],
    env: {
      // The user's first: what Galley says of the replica holds against a name taken twice.
      ...spec.service.env,
      PORT: String(servicePort),
      GALLEY_SOCKET_DIR: '/run/galley',
      GALLEY_PROJECT: metadata.namespace,
      GALLEY_APPLICATION: spec.application,
      GALLEY_REVISION: metadata.name,
      GALLEY_REPLICA: `r${index}`,
      ...eventTimeEnv(spec.monitor),
      ...(spec.service.schema === undefined ? {} : { GALLEY_SCHEMA: spec.service.schema }),
      // Its own control group is not shown to a workload: it must know what it has, to refuse what would not fit.
      GALLEY_MEMORY_BYTES: String(resolved.serviceMemoryBytes),
      ...secretEnv(usesOfPhase(spec.secrets, 'service')),
    },
    rootfs: 'readonly',
    limits: { ...limits, memoryBytes: resolved.serviceMemoryBytes, cpus: resolved.serviceCpus },
    files: {},
    tmpfs: homeTmpfs,
    ports: [servicePort],
    egress: { index: false, hosts: spec.egressHosts },
    labels: {
      [projectLabel]: metadata.namespace,
      [applicationLabel]: spec.application,
      [revisionLabel]: metadata.name,
    },
  };
  // The uid is in the hash: a revision of the same name after a deletion is another one.
  const hash = createHash('sha256')
    .update(metadata.uid)
    .update(JSON.stringify(body))
    .digest('hex')
    .slice(0, 8);
  const rest = `-${spec.number}-${index}-${hash}`;
  const id = `${spec.application.slice(0, 63 - rest.length).replace(/-+$/, '')}${rest}`;
  // The first replica of a revision proves it; a restart only loads. Not in the hash: a proof makes no other replica.
  const warm = index > 0 || revision.status.proven === true;
  return { ...body, id, ...(warm ? { env: { ...body.env, GALLEY_GOLDEN: 'warm' } } : {}) };
}
