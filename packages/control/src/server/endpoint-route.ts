import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { endpoints, type EndpointName, type EndpointTypes } from '@galley/api/http/endpoints';

/** What a handler gets: the braces of the path filled, the query as text. */
export interface EndpointCall<E extends EndpointName> {
  readonly params: Readonly<Record<string, string>>;
  readonly query: EndpointTypes[E]['query'];
  readonly body: unknown;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** A parameter that the path has; its absence is a fault of the table. */
export function param(call: { readonly params: Readonly<Record<string, string>> }, name: string): string {
  const value = call.params[name];
  if (value === undefined) throw new Error(`the path has no parameter ${name}`);
  return value;
}

/** Mounts one row of the table. Streaming endpoints answer through `streamLines` and give nothing back. */
export function endpointRoute<E extends EndpointName>(
  app: FastifyInstance,
  name: E,
  handle: (
    call: EndpointCall<E>,
  ) => Promise<(typeof endpoints)[E] extends { stream: 'ndjson' } ? void : EndpointTypes[E]['answer']>,
): void {
  const { method, path } = endpoints[name];
  app.route({
    method,
    url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    handler: async (request, reply) =>
      handle({
        // Fastify's params are the names in `url`; texts of a query that a handler does not know are never read.
        params: request.params as Record<string, string>,
        query: request.query as EndpointTypes[E]['query'],
        body: request.body,
        request,
        reply,
      }),
  });
}
