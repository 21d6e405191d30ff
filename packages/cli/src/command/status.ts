import type { Application } from '@galley/api/kind/application';
import type { Condition } from '@galley/api/kind/object';
import { findApplication } from '../service/find.ts';
import { table } from '../render/table.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'What is there and how it is doing',
  description:
    'Applications of a project, or one application with its conditions: what was last observed, not what is hoped for.',
  examples: ['galley status', 'galley status flight-delay', 'galley status -o json'],
  arguments: [{ name: 'NAME', description: 'the application', optional: true, completes: 'application' }],
  async run({ args: [name] }, context) {
    const client = await context.connect();
    if (name !== undefined) {
      const application = await findApplication(client, name, context.project);
      return { text: describe(application), value: application, names: [`application/${name}`] };
    }
    const applications = await client.list('Application', context.project);
    return {
      text: applications.length === 0 ? emptyState(context.project) : overview(applications),
      value: { items: applications },
      names: applications.map((application) => `application/${application.metadata.name}`),
    };
  },
};

function emptyState(project: string): string {
  return `No applications in project ${project} yet.\nNext: galley deploy examples/iris`;
}

function overview(applications: readonly Application[]): string {
  const rows = applications.map(({ metadata, status, spec }) => {
    const ready = conditionOf(status.conditions, 'Ready');
    return [
      metadata.name,
      ready?.status === 'True' ? 'Ready' : (ready?.reason ?? 'Pending'),
      `${status.readyReplicas}/${spec.service?.replicas?.min ?? 1}`,
      status.servingRevision ?? '-',
      status.url ?? '-',
    ];
  });
  return table(['NAME', 'STATE', 'REPLICAS', 'REVISION', 'URL'], rows);
}

function describe({ metadata, status }: Application): string {
  const facts: readonly (readonly [string, string])[] = [
    ['Application', metadata.name],
    ['URL', status.url ?? 'none yet'],
    ['Serving', status.servingRevision ?? 'nothing yet'],
    ['Latest build', status.latestBuild ?? 'none yet'],
    ['Ready replicas', String(status.readyReplicas)],
  ];
  const conditions = status.conditions.map((c) => [c.type, c.status, c.reason, c.message]);
  return [
    ...facts.map(([key, value]) => `${key.padEnd(15)} ${value}`),
    '',
    table(['CONDITION', 'IS', 'REASON', 'MESSAGE'], conditions),
  ].join('\n');
}

function conditionOf(conditions: readonly Condition[], type: string): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}
