import { expect, test } from 'vitest';
import type { JsonObject } from '@galley/api/json-object';
import { explainRehearsal } from './explain-rehearsal.ts';

function explain(exitCode: number, failure: JsonObject, ...stderr: string[]) {
  const hosts = { refusedHosts: [], reachedHosts: [] };
  const status = { id: 'r', specHash: '', phase: 'failed', ...hosts, labels: {}, exitCode } as const;
  return explainRehearsal('iris', failure, { status, stderr });
}

test('a row that fails is named, whatever modules a library complained about before', () => {
  const failure = { row: 17, error: { type: 'KeyError', message: "'width'" } };
  expect(explain(20, failure, "plots are off: No module named 'matplotlib'")).toMatchObject({
    code: 'REHEARSAL_FAILED',
    message: "Row 17 of the sample of iris can't be scored: KeyError: 'width'.",
  });
});

test.each([
  [
    'when a row needs it',
    20,
    { row: 0, error: { type: 'PREDICTOR_FAILED', message: "No module named 'a.b'" } },
  ],
  ['when the model does not load', 30, { error: { type: 'MODEL', message: "No module named 'a.b'." } }],
  ['when the runtime itself ends on it', 1, {}],
])('a module that the image does not have is named %s', (_, exitCode, failure) => {
  const error = explain(exitCode, failure, "ModuleNotFoundError: No module named 'a.b'");
  expect(error).toMatchObject({ code: 'MODULE_MISSING', details: { module: 'a.b' } });
});

test('a check that differs and a run that was killed say so', () => {
  expect(explain(21, { message: 'cell 3: 1, not 2' })).toMatchObject({ code: 'CHECK_NOT_REPRODUCED' });
  expect(explain(137, {}, 'Killed')).toMatchObject({
    code: 'REHEARSAL_FAILED',
    message: 'The rehearsal of iris broke off: exit code 137. Killed',
  });
});
