import type { FastifyInstance } from 'fastify';
import { errorCodes } from '@galley/api/error/codes';
import { GalleyError } from '@galley/api/error/galley-error';

/** Any thrown value as a GalleyError: Fastify's own errors are the client's mistakes, everything else is ours. */
export function toGalleyError(error: unknown): GalleyError {
  if (error instanceof GalleyError) return error;
  const status = statusOf(error);
  if (status !== undefined && status < 500) {
    return new GalleyError('OBJECT_INVALID', 'The request cannot be read.', {
      cause: error,
      details: { status },
    });
  }
  return new GalleyError('INTERNAL', 'The server failed while it answered this request.', {
    hint: 'The log of the server has more: GALLEY_HOME/control.log',
    cause: error,
  });
}

/** Every error leaves as `{code, message, hint, details}` with the status of its code. */
export function installErrorReplies(
  app: FastifyInstance,
  onFault: (error: GalleyError, request: string) => void,
): void {
  app.setErrorHandler((thrown, request, reply) => {
    const error = toGalleyError(thrown);
    if (error.sort === 'bug') onFault(error, `${request.method} ${request.routeOptions.url ?? ''}`);
    return reply.code(errorCodes[error.code].status).send(error.toJSON());
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const error = new GalleyError('ENDPOINT_NOT_FOUND', `The API has no ${request.method} ${path}.`, {
      hint: 'docs/guides/api.md lists every endpoint.',
    });
    return reply.code(errorCodes[error.code].status).send(error.toJSON());
  });
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
