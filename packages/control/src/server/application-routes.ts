import type { FastifyInstance } from 'fastify';
import { GalleyError } from '@galley/api/error/galley-error';
import type { LogEntry } from '@galley/api/http/messages';
import type { Application } from '@galley/api/kind/application';
import type { Revision } from '@galley/api/kind/revision';
import { objectNotFound } from '../store/object-error.ts';
import type { ApiContext } from './api-context.ts';
import { endpointRoute, param } from './endpoint-route.ts';
import { followReplicas, readReplicas } from './replica-logs.ts';
import { streamLines } from './stream-lines.ts';

/** What the replicas of an application print, and what the kernel says of one. */
export function applicationRoutes(app: FastifyInstance, context: ApiContext, closing: AbortSignal): void {
  endpointRoute(app, 'applicationLogs', async (call) => {
    const application = await findApplication(context, param(call, 'project'), param(call, 'name'));
    const { namespace, name } = application.metadata;
    const since = call.query.since === undefined ? {} : { since: call.query.since };
    const replicas = () => replicasOf(context, namespace, name);
    await streamLines(call.reply, closing, (signal): AsyncIterable<LogEntry> => {
      const options = { ...since, signal };
      return call.query.follow === 'true'
        ? followReplicas(context.engine, replicas, options)
        : readReplicas(context.engine, replicas, options);
    });
  });

  endpointRoute(app, 'applicationInspect', async (call) => {
    const application = await findApplication(context, param(call, 'project'), param(call, 'name'));
    const { namespace, name } = application.metadata;
    const revisions = await revisionsOf(context, namespace, name);
    const replica = revisions
      .flatMap((revision) => revision.status.replicas)
      .find((candidate) => candidate.phase === 'running');
    if (replica === undefined) {
      throw new GalleyError('NO_REPLICA', `Application ${name} has no running replica to inspect.`, {
        hint: `galley status ${name}`,
      });
    }
    if (context.engine.inspect === undefined) {
      throw new GalleyError('ENGINE_FAILED', `The engine ${context.engine.name} cannot inspect workloads.`);
    }
    return { replica: replica.workload, inspection: await context.engine.inspect(replica.workload) };
  });
}

async function findApplication(context: ApiContext, project: string, name: string): Promise<Application> {
  const application = await context.objects.get('Application', project, name);
  if (application === undefined) throw objectNotFound('Application', project, name);
  return application;
}

/** Newest first: what a person asks about is what was deployed last. */
async function revisionsOf(context: ApiContext, project: string, name: string): Promise<readonly Revision[]> {
  const { items } = await context.objects.list('Revision', { namespace: project });
  return items
    .filter((revision) => revision.spec.application === name)
    .sort((a, b) => b.spec.number - a.spec.number);
}

async function replicasOf(context: ApiContext, project: string, name: string): Promise<readonly string[]> {
  const revisions = await revisionsOf(context, project, name);
  return revisions.flatMap((revision) => revision.status.replicas.map((replica) => replica.workload));
}
