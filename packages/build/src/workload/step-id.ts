import { stepKey } from '../cache/record-cache.ts';

/**
 * The id of a step's workload: the same for the same step of the same application, so that a build after a crash finds its workload again;
 * another key is another workload. A DNS label of at most 63 characters, whatever the names are.
 */
export function stepId(
  step: 'sdist' | 'train' | 'rehearse' | 'compile' | 'smoke' | 'step',
  project: string,
  name: string,
  key: string,
): string {
  return `${step}-${stepKey([project, name, key]).slice(0, 24)}`;
}
