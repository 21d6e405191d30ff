import type { KindName, KindTypes } from '@galley/api/kind/kinds';

/** The status of an object that nobody has observed yet. */
export const initialStatus: { readonly [K in KindName]: KindTypes[K]['status'] } = {
  Application: { readyReplicas: 0, conditions: [] },
  Build: { phase: 'Pending', layers: [], phases: [], records: {}, conditions: [] },
  Revision: { replicas: [], serving: false, conditions: [] },
  Monitor: {
    state: 'learning',
    requests: 0,
    referenceRequests: 0,
    refused: 0,
    failures: 0,
    lost: 0,
    late: 0,
    problems: [],
    streams: [],
    events: [],
    conditions: [],
  },
};
