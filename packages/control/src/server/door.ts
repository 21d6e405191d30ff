import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GalleyError } from '@galley/api/error/galley-error';
import { sendAnswer } from '@galley/image/registry-server/http';
import { passwordMatches, tokenMatches } from './token.ts';

/** Names under which the API answers; anything else is a page of somebody else's that points its name at us (DNS rebinding). */
const hosts = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Lets nobody in who names another host or has not the token. Runs before a body is read. */
export function installDoor(app: FastifyInstance, token: string): void {
  app.addHook('onRequest', async (request, reply) => {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
    if (!hosts.has(host)) {
      throw new GalleyError(
        'HOST_REFUSED',
        `The API does not answer under the name ${JSON.stringify(host)}.`,
        {
          hint: 'Use https://127.0.0.1 or https://localhost.',
        },
      );
    }
    const { authorization } = request.headers;
    const isRegistry = /^\/v2(?:\/|\?|$)/.test(request.url);
    // Basic only for the registry, whose clients know nothing else: elsewhere a browser would send it along unasked.
    if (isRegistry && passwordMatches(token, authorization)) return;
    if (!tokenMatches(token, authorization)) {
      if (isRegistry) {
        await refuseRegistry(request, reply);
        return;
      }
      throw new GalleyError('UNAUTHORIZED', 'The API needs the token of this GALLEY_HOME.', {
        hint: 'Send the header: Authorization: Bearer $(cat GALLEY_HOME/token)',
      });
    }
  });
}

/** As the distribution specification has it: without the challenge no client sends its password, without this body none shows the reason. */
async function refuseRegistry(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.hijack();
  const message = 'The registry needs the token of this GALLEY_HOME as password.';
  const body = Buffer.from(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message }] }));
  const headers = {
    'content-type': 'application/json',
    'content-length': String(body.byteLength),
    'www-authenticate': 'Basic realm="galley"',
    'docker-distribution-api-version': 'registry/2.0',
  };
  await sendAnswer(request.raw, reply.raw, { status: 401, headers, body });
}
