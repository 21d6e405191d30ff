import type { TSchema } from 'typebox';
import { ApplicationSpec, ApplicationStatus, type Application } from './application.ts';
import { BuildObjectSpec, BuildObjectStatus, type Build } from './build.ts';
import { MonitorObjectSpec, MonitorStatus, type Monitor } from './monitor.ts';
import { RevisionSpec, RevisionStatus, type Revision } from './revision.ts';

/** One row per kind: what the API server, the store and the client need to know of it. */
export interface KindRow {
  readonly kind: string;
  readonly plural: string;
  readonly spec: TSchema;
  readonly status: TSchema;
  /** What people may do to it; everything else only reconcilers do. */
  readonly writes: readonly ('create' | 'change' | 'delete')[];
}

export const kinds = {
  Application: {
    kind: 'Application',
    plural: 'applications',
    spec: ApplicationSpec,
    status: ApplicationStatus,
    writes: ['create', 'change', 'delete'],
  },
  Build: {
    kind: 'Build',
    plural: 'builds',
    spec: BuildObjectSpec,
    status: BuildObjectStatus,
    // One that belongs to no application: what `galley build` asks a server for.
    writes: ['create'],
  },
  Revision: {
    kind: 'Revision',
    plural: 'revisions',
    spec: RevisionSpec,
    status: RevisionStatus,
    writes: [],
  },
  Monitor: {
    kind: 'Monitor',
    plural: 'monitors',
    spec: MonitorObjectSpec,
    status: MonitorStatus,
    writes: [],
  },
} as const satisfies Record<string, KindRow>;

export type KindName = keyof typeof kinds;

/** From a kind's name to its object's type. */
export interface KindTypes {
  Application: Application;
  Build: Build;
  Revision: Revision;
  Monitor: Monitor;
}
