import fastify, { type FastifyInstance } from 'fastify';
import type { AddressInfo } from 'node:net';
import { GalleyError } from '@galley/api/error/galley-error';
import type { ApiContext } from './api-context.ts';
import { applicationRoutes } from './application-routes.ts';
import { buildRoutes } from './build-routes.ts';
import type { ServingCertificate } from './certificate.ts';
import { installDoor } from './door.ts';
import { installErrorReplies } from './error-reply.ts';
import { imageRoutes } from './image-routes.ts';
import { monitorRoutes } from './monitor-routes.ts';
import { objectRoutes } from './object-routes.ts';
import { registryRoutes } from './registry-routes.ts';
import { secretRoutes } from './secret-routes.ts';
import { serverRoutes } from './server-routes.ts';
import { uploadRoute } from './upload-route.ts';

/** A running API. */
export interface ApiServer {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** Ends streams, answers what is under way, listens no more. */
  close(): Promise<void>;
}

/** Largest JSON body; an object with every field filled has some kilobytes, a secret up to 1 MiB. */
const jsonBytesMax = 2 * 1024 * 1024;

/** Serves the API on loopback only. Port 0: any free one. Throws `PORT_IN_USE`. */
export async function serveApi(
  context: ApiContext,
  options: { readonly port: number; readonly certificate: ServingCertificate },
): Promise<ApiServer> {
  const { key, certificate } = options.certificate;
  const app = fastify({
    https: { key, cert: certificate },
    bodyLimit: jsonBytesMax,
    // Uploads of a gigabyte take longer than any fixed time; the body limits bound them.
    requestTimeout: 0,
    forceCloseConnections: true,
  });
  const closing = new AbortController();
  installDoor(app, context.token);
  installErrorReplies(app, (error, request) => context.onFault(error, request));
  app.addContentTypeParser(
    'application/merge-patch+json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  );
  // Before Fastify waits for its open requests: a watch would keep it waiting for ever.
  app.addHook('preClose', async () => closing.abort());
  mountRoutes(app, context, closing.signal);
  await listen(app, options.port);
  // A server that listens on TCP has an address with a port.
  const { port } = app.server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}`, close: () => app.close() };
}

function mountRoutes(app: FastifyInstance, context: ApiContext, closing: AbortSignal): void {
  objectRoutes(app, context.objects, closing);
  serverRoutes(app, context);
  uploadRoute(app, context);
  buildRoutes(app, context, closing);
  applicationRoutes(app, context, closing);
  monitorRoutes(app, context, closing);
  secretRoutes(app, context);
  imageRoutes(app, context);
  registryRoutes(app, context);
}

async function listen(app: FastifyInstance, port: number): Promise<void> {
  try {
    await app.listen({ port, host: '127.0.0.1' });
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EADDRINUSE') throw error;
    throw new GalleyError('PORT_IN_USE', `The API cannot listen on 127.0.0.1:${port}: the port is taken.`, {
      hint: `ss -ltnp 'sport = :${port}' shows by whom; GALLEY_API_PORT=0 takes any free one.`,
      details: { port },
      cause: error,
    });
  }
}
