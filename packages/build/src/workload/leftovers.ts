import type { Engine } from '@galley/engine/engine';

/** On every workload: whose it is. */
export const projectLabel = 'dev.galley.project';
export const applicationLabel = 'dev.galley.application';
/** On the workload of a build's step: which step it is. */
const stepLabel = 'dev.galley.step';

type Labels = Readonly<Record<string, string>>;

/** Labels of a step's workload: by them `isStepOf` knows whose it is. */
export function stepLabels(step: string, project: string, application: string): Labels {
  return { [stepLabel]: step, [projectLabel]: project, [applicationLabel]: application };
}

/** Whether a workload with these labels is a step of the application's builds. */
export function isStepOf(labels: Labels, project: string, application: string): boolean {
  const isOurs = labels[projectLabel] === project && labels[applicationLabel] === application;
  return isOurs && labels[stepLabel] !== undefined;
}

/**
 * Removes workloads of an application's builds that began before `before` (RFC 3339): a killed process left them, and the build that has just
 * ended did not take them up, since it removes its own.
 */
export async function sweepWorkloads(
  engine: Engine,
  of: { readonly project: string; readonly application: string; readonly before: string },
): Promise<void> {
  for (const { id, labels, startedAt } of await engine.list()) {
    const isOurs = isStepOf(labels, of.project, of.application);
    if (isOurs && (startedAt === undefined || startedAt < of.before)) await engine.remove(id, 0);
  }
}
