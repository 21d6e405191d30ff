import { apiVersion, type Condition, type ObjectMeta } from '@galley/api/kind/object';
import type { Application } from '@galley/api/kind/application';
import type { ApplicationBuild, Build } from '@galley/api/kind/build';
import type { Monitor } from '@galley/api/kind/monitor';
import type { Revision } from '@galley/api/kind/revision';

/** Objects as tests of plans need them: whole, and as the store gives them back. */
const digest = `sha256:${'1'.repeat(64)}`;
export const someImage = `sha256:${'2'.repeat(64)}`;

function metadata(name: string, more: Partial<ObjectMeta>): ObjectMeta {
  return {
    name,
    namespace: 'default',
    uid: `uid-of-${name}`,
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: new Date(0).toISOString(),
    finalizers: [],
    ownerReferences: [],
    labels: {},
    annotations: {},
    ...more,
  };
}

export function someCondition(type: string, status: Condition['status'], reason = type): Condition {
  const lastTransitionTime = new Date(0).toISOString();
  return { type, status, reason, message: `1 ${type}`, observedGeneration: 1, lastTransitionTime };
}

export function someApplication(
  more: { spec?: Partial<Application['spec']>; metadata?: Partial<ObjectMeta> } = {},
): Application {
  return {
    apiVersion,
    kind: 'Application',
    metadata: metadata('iris', more.metadata ?? {}),
    spec: { source: { archive: { digest } }, ...more.spec },
    status: { readyReplicas: 0, conditions: [] },
  };
}

export function someBuild(
  number: number,
  phase: Build['status']['phase'],
  more: {
    snapshot?: Application['spec'];
    metadata?: Partial<ObjectMeta>;
    status?: Partial<Build['status']>;
  } = {},
): ApplicationBuild {
  return {
    apiVersion,
    kind: 'Build',
    metadata: metadata(`iris-${number}`, more.metadata ?? {}),
    spec: { application: 'iris', number, snapshot: more.snapshot ?? someApplication().spec },
    status: {
      phase,
      layers: [],
      phases: [],
      records: {},
      conditions: [],
      ...(phase === 'Succeeded' ? { image: someImage } : {}),
      ...more.status,
    },
  };
}

/** A build of its own, as `galley build` asks a server for it. */
export function someOwnBuild(
  name: string,
  phase: Build['status']['phase'],
  more: Parameters<typeof someBuild>[2] = {},
): Build {
  const build = someBuild(1, phase, more);
  const own = metadata(name, more.metadata ?? {});
  return { ...build, metadata: own, spec: { name: 'iris', snapshot: build.spec.snapshot } };
}

export function someRevision(
  number: number,
  more: {
    spec?: Partial<Revision['spec']>;
    metadata?: Partial<ObjectMeta>;
    status?: Partial<Revision['status']>;
  } = {},
): Revision {
  return {
    apiVersion,
    kind: 'Revision',
    metadata: metadata(`iris-${number}`, more.metadata ?? {}),
    spec: {
      application: 'iris',
      build: `iris-${number}`,
      number,
      image: someImage,
      service: {},
      egressHosts: [],
      secrets: [],
      records: {},
      ...more.spec,
    },
    status: { replicas: [], serving: false, conditions: [], ...more.status },
  };
}

export function someMonitor(status: Monitor['status']): Monitor {
  return {
    apiVersion,
    kind: 'Monitor',
    metadata: metadata('iris', {}),
    spec: { application: 'iris' },
    status,
  };
}
