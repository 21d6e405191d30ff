import type { FastifyInstance } from 'fastify';
import { isDigest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Build } from '@galley/api/kind/build';
import { cancelAnnotation } from '../kind/build/annotations.ts';
import { buildHasEnded } from '../kind/build/phase.ts';
import { objectNotFound } from '../store/object-error.ts';
import type { ApiContext } from './api-context.ts';
import { endpointRoute, param, type EndpointCall } from './endpoint-route.ts';
import { streamLines } from './stream-lines.ts';

/** Events, report and records of builds, and their cancelling. */
export function buildRoutes(app: FastifyInstance, context: ApiContext, closing: AbortSignal): void {
  endpointRoute(app, 'buildEvents', async (call) => {
    const build = await findBuild(context, call);
    const { uid, namespace, name } = build.metadata;
    const follow = call.query.follow === 'true';
    const ended = async () => {
      if (!follow) return true;
      const now = await context.objects.get('Build', namespace, name);
      return now === undefined || now.metadata.uid !== uid || buildHasEnded(now);
    };
    await streamLines(call.reply, closing, (signal) => context.events.follow(uid, ended, signal));
  });

  endpointRoute(app, 'buildReport', async (call) => {
    const lines = await readRecord(context, await findBuild(context, call), 'report');
    return { lines: Array.isArray(lines) ? lines : [] };
  });

  endpointRoute(app, 'buildRecord', async (call) =>
    readRecord(context, await findBuild(context, call), param(call, 'record')),
  );

  endpointRoute(app, 'buildCancel', async (call) => {
    const build = await findBuild(context, call);
    if (buildHasEnded(build)) return {};
    const annotations = { ...build.metadata.annotations, [cancelAnnotation]: 'cancelled over the API' };
    await context.objects.update<'Build'>({ ...build, metadata: { ...build.metadata, annotations } });
    return {};
  });
}

async function findBuild(
  context: ApiContext,
  call: Pick<EndpointCall<'buildReport'>, 'params'>,
): Promise<Build> {
  const project = param(call, 'project');
  const name = param(call, 'name');
  const build = await context.objects.get('Build', project, name);
  if (build === undefined) throw objectNotFound('Build', project, name);
  return build;
}

async function readRecord(context: ApiContext, build: Build, record: string): Promise<unknown> {
  const digest = Object.hasOwn(build.status.records, record) ? build.status.records[record] : undefined;
  if (digest === undefined || !isDigest(digest)) {
    const known = Object.keys(build.status.records).join(', ');
    const has = known === '' ? 'it has none yet' : `it has ${known}`;
    throw new GalleyError(
      'RECORD_NOT_FOUND',
      `Build ${build.metadata.name} has no record ${JSON.stringify(record)}: ${has}.`,
      { hint: `galley report build/${build.metadata.name}` },
    );
  }
  return context.images.readJson(digest);
}
