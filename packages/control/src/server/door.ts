import type { FastifyInstance } from 'fastify';
import { GalleyError } from '@galley/api/error/galley-error';
import { tokenMatches } from './token.ts';

/** Names under which the API answers; anything else is a page of somebody else's that points its name at us (DNS rebinding). */
const hosts = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Lets nobody in who names another host or has not the token. Runs before a body is read. */
export function installDoor(app: FastifyInstance, token: string): void {
  app.addHook('onRequest', async (request) => {
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
    if (!tokenMatches(token, request.headers.authorization)) {
      throw new GalleyError('UNAUTHORIZED', 'The API needs the token of this GALLEY_HOME.', {
        hint: 'Send the header: Authorization: Bearer $(cat GALLEY_HOME/token)',
      });
    }
  });
}
