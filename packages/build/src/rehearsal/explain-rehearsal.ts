import { isObject, type JsonObject } from '@galley/api/json-object';
import { GalleyError } from '@galley/api/error/galley-error';
import { numberOf, textOf } from '../workload/read-json.ts';
import type { EndedWorkload } from '../workload/run-workload.ts';

/**
 * Exit 20: a sample row failed. 21: a check does not reproduce. Anything else: the workload broke off. `failure`: what the runtime wrote of
 * it; empty when it could not.
 */
export function explainRehearsal(
  application: string,
  failure: JsonObject,
  ended: EndedWorkload,
): GalleyError {
  const error = isObject(failure['error']) ? failure['error'] : {};
  const what = [textOf(error['type']), textOf(error['message'], textOf(failure['message']))]
    .filter((part) => part !== '')
    .join(': ');
  const details = { ...failure, exitCode: ended.status.exitCode, stderr: ended.stderr.slice(-20).join('\n') };
  const module = /No module named '([^']+)'/.exec(what === '' ? ended.stderr.join('\n') : what)?.[1];
  if (module !== undefined) {
    return new GalleyError(
      'MODULE_MISSING',
      `The service of ${application} needs ${module}, which its image does not have.`,
      {
        hint: `What only a group for development brings is not served: move it to the dependencies, or import it in a cell of the notebook.`,
        details: { ...details, module },
      },
    );
  }
  if (ended.status.exitCode === 20) {
    const row = numberOf(failure['row']);
    return new GalleyError(
      'REHEARSAL_FAILED',
      `Row ${row} of the sample of ${application} can't be scored: ${what}.`,
      {
        hint: 'Mend the predictor, or let `validator` refuse such rows; galley report shows the cells.',
        details,
      },
    );
  }
  if (ended.status.exitCode === 21) {
    return new GalleyError(
      'CHECK_NOT_REPRODUCED',
      `The image of ${application} answers a check otherwise than the notebook did: ${what}.`,
      {
        hint: 'A predictor that depends on the time, or on what later cells change, gives other answers in the image: give it a state of its own.',
        details,
      },
    );
  }
  const why = ended.status.reason ?? `exit code ${ended.status.exitCode ?? 'unknown'}`;
  return new GalleyError(
    'REHEARSAL_FAILED',
    `The rehearsal of ${application} broke off: ${why}. ${ended.stderr.at(-1) ?? ''}`,
    {
      hint: 'Give the build more memory (build.resources.limits.memory) if it was killed; else look at the details with -o json.',
      details,
    },
  );
}
