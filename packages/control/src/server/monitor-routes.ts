import type { FastifyInstance } from 'fastify';
import { DecisionInput } from '@galley/api/kind/decision';
import type { TimeWindow } from '../monitor/window.ts';
import type { ApiContext } from './api-context.ts';
import { endpointRoute, param } from './endpoint-route.ts';
import { streamLines } from './stream-lines.ts';
import { refuse, requireValid } from './validate.ts';

/** Distances, verdict and paths of a monitor over a window of event time; what the verdict follows from, and decisions about it. */
export function monitorRoutes(app: FastifyInstance, context: ApiContext, closing: AbortSignal): void {
  endpointRoute(app, 'monitorStatus', async (call) =>
    context.monitors.window(param(call, 'project'), param(call, 'name'), readWindow(call.query)),
  );
  endpointRoute(app, 'monitorPaths', async (call) =>
    context.monitors.paths(param(call, 'project'), param(call, 'name'), readWindow(call.query)),
  );
  endpointRoute(app, 'monitorRecord', async (call) => {
    const record = await context.monitors.record(param(call, 'project'), param(call, 'name'));
    await streamLines(call.reply, closing, () => record);
  });
  endpointRoute(app, 'monitorDecide', async (call) => {
    requireValid(DecisionInput, call.body, 'decision', 'This decision');
    readTime('since', call.body.since);
    return context.monitors.decide(param(call, 'project'), param(call, 'name'), call.body);
  });
}

/** Times are RFC 3339; minutes are the unit of counting, so a window within one minute shows that minute or nothing. */
function readWindow(query: { from?: string; to?: string }): TimeWindow {
  const fromMs = readTime('from', query.from);
  const toMs = readTime('to', query.to);
  return { ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) };
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

function readTime(field: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const time = rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    refuse(
      [{ field, problem: 'must be a time as RFC 3339 writes it: 2013-01-31T00:00:00Z' }],
      'This request',
    );
  }
  return time;
}
