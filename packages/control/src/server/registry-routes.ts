import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refuse, type ServerAnswer } from '@galley/image/registry-server/answer';
import { sendAnswer, toServerRequest } from '@galley/image/registry-server/http';
import { RegistryServer, refusalOf } from '@galley/image/registry-server/registry-server';
import type { ApiContext } from './api-context.ts';
import { imagesInUse } from '../store/images-in-use.ts';
import { toGalleyError } from './error-reply.ts';

/**
 * The store as an OCI registry at `/v2/` (DESIGN.md §7). A part of the server of its own: bodies are streams whatever their type, and errors have
 * the registry's shape, or no client would understand them.
 */
export function registryRoutes(app: FastifyInstance, context: ApiContext): void {
  const registry = new RegistryServer({
    store: context.images,
    inUse: () => imagesInUse(context.objects),
    now: Date.now,
  });
  app.addHook('onClose', () => registry.close());
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    const handle = async (request: FastifyRequest): Promise<ServerAnswer> => {
      try {
        return await registry.handle(toServerRequest(request.raw));
      } catch (thrown) {
        const refusal = refusalOf(thrown);
        if (refusal === undefined) context.onFault(toGalleyError(thrown), `${request.method} /v2/`);
        return refusal ?? refuse(500, 'UNKNOWN', 'The registry failed.');
      }
    };
    const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      reply.hijack();
      await sendAnswer(request.raw, reply.raw, await handle(request));
    };
    scope.all('/v2', answer);
    scope.all('/v2/*', answer);
  });
}
