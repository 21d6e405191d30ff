import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { ApiContext } from './api-context.ts';
import { endpointRoute } from './endpoint-route.ts';
import { requireValid } from './validate.ts';

const StopBody = Type.Object({ keep: Type.Boolean() }, { additionalProperties: false });

/** The server about itself. */
export function serverRoutes(app: FastifyInstance, context: ApiContext): void {
  endpointRoute(app, 'serverInfo', () => context.info());

  endpointRoute(app, 'serverStop', async (call) => {
    requireValid(StopBody, call.body, 'body', 'This stop');
    const { keep } = call.body;
    // After the answer has left: whoever asked must hear that it was understood.
    call.reply.raw.once('finish', () => context.stop(keep));
    return {};
  });
}
