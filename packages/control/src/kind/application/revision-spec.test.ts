import { expect, test } from 'vitest';
import type { ApplicationSpec, GalleyYaml } from '@galley/api/kind/application';
import { someBuild, someRevision } from '../test-objects.ts';
import { replicaWorkloads } from '../revision/replica-workload.ts';
import { sameBuildInputs } from './build-inputs.ts';
import { revisionSpec } from './revision-spec.ts';

const source = { archive: { digest: `sha256:${'a'.repeat(64)}` } };

/** The environment of the replica that follows from galley.yaml and the object. */
function environment(file: GalleyYaml | undefined, object: Partial<ApplicationSpec>): Record<string, string> {
  const build = someBuild(1, 'Succeeded', file === undefined ? {} : { status: { settings: file } });
  const spec = revisionSpec(build, { source, ...object }, 1);
  if (spec === undefined) throw new Error('the build has an image');
  const revision = someRevision(1, { spec });
  const [workload] = replicaWorkloads(revision);
  const names = ['GALLEY_EVENT_TIME', 'GALLEY_EVENT_TIME_COLUMN', 'GALLEY_REVISION', 'GALLEY_SCHEMA'];
  return Object.fromEntries(
    names.flatMap((name) => (workload?.env[name] === undefined ? [] : [[name, workload.env[name]]])),
  );
}

test('nobody may say when a request happened unless it is written down', () => {
  expect(environment(undefined, {})).toEqual({ GALLEY_REVISION: 'iris-1' });
  expect(environment({ monitor: { eventTime: false } }, {})).toEqual({ GALLEY_REVISION: 'iris-1' });
});

test('event time is switched by galley.yaml, and the object ranks above it', () => {
  expect(environment({ monitor: { eventTime: true } }, {})).toHaveProperty('GALLEY_EVENT_TIME', '1');
  expect(environment({ monitor: { eventTime: true } }, { monitor: { eventTime: false } })).not.toHaveProperty(
    'GALLEY_EVENT_TIME',
  );
  const both = environment({ monitor: { eventTime: true } }, { monitor: { eventTimeColumn: 'time_hour' } });
  expect(both).toMatchObject({ GALLEY_EVENT_TIME: '1', GALLEY_EVENT_TIME_COLUMN: 'time_hour' });
});

test('the mode of the schema comes from galley.yaml, and the object ranks above it', () => {
  expect(environment(undefined, {})).not.toHaveProperty('GALLEY_SCHEMA');
  expect(environment({ service: { schema: 'strict' } }, {})).toHaveProperty('GALLEY_SCHEMA', 'strict');
  const both = environment({ service: { schema: 'strict' } }, { service: { schema: 'off' } });
  expect(both).toHaveProperty('GALLEY_SCHEMA', 'off');
});

test('the column that tells the time is an input of the build, the switch is not', () => {
  expect(sameBuildInputs({ source }, { source, monitor: { eventTime: true } })).toBe(true);
  expect(sameBuildInputs({ source }, { source, monitor: { eventTimeColumn: 'time_hour' } })).toBe(false);
});
