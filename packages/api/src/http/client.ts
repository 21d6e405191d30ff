import { isErrorCode } from '../error/codes.ts';
import { GalleyError, errorFromBody, type ErrorBody } from '../error/galley-error.ts';
import { kinds, type KindName, type KindTypes } from '../kind/kinds.ts';
import { collectionPath, endpoints } from './endpoints.ts';
import type { EndpointName, EndpointTypes, WatchLine } from './endpoints.ts';
import { readLines } from './ndjson.ts';

/** How to reach an API server. The certificate of its authority belongs to `fetch`: this package has no I/O of its own. */
export interface ClientOptions {
  /** `https://127.0.0.1:7443`. */
  readonly baseUrl: string;
  readonly token: string;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

/** What a call takes besides its name. `params` fill the braces of the path. */
export interface CallOptions<E extends EndpointName> {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: EndpointTypes[E]['query'];
  readonly body?: EndpointTypes[E]['body'];
  readonly signal?: AbortSignal;
}

/** An object as a person writes it: no uid, no version, no status. Behind `generateName` the server writes some letters. */
export interface ObjectInput<K extends KindName> {
  readonly metadata: ({ readonly name: string } | { readonly generateName: string }) & {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: KindTypes[K]['spec'];
}

/** A JSON merge patch (RFC 7396): null takes a member away. */
export type MergePatch = Readonly<Record<string, unknown>>;

export interface WatchRequest {
  /** Changes after this version; absent: first an ADDED for everything that is there. */
  readonly resourceVersion?: string;
  /** Only the object of this name. */
  readonly name?: string;
  readonly signal?: AbortSignal;
}

/** The client made from the table of endpoints. Every failure is a `GalleyError`; an unreachable server is `REQUEST_FAILED`. */
export interface Client {
  call<E extends EndpointName>(name: E, options?: CallOptions<E>): Promise<EndpointTypes[E]['answer']>;
  /** The items of a streaming endpoint, until it ends or the signal fires. */
  stream<E extends EndpointName>(
    name: E,
    options?: CallOptions<E>,
  ): AsyncIterable<EndpointTypes[E]['answer']>;
  /** Undefined: there is no such object. */
  get<K extends KindName>(
    kind: K,
    project: string,
    name: string,
    signal?: AbortSignal,
  ): Promise<KindTypes[K] | undefined>;
  /** Sorted by name. */
  list<K extends KindName>(kind: K, project: string, signal?: AbortSignal): Promise<readonly KindTypes[K][]>;
  create<K extends KindName>(
    kind: K,
    project: string,
    object: ObjectInput<K>,
    signal?: AbortSignal,
  ): Promise<KindTypes[K]>;
  /** Replaces the object; `CONFLICT` unless its resource version is the newest. */
  update<K extends KindName>(object: KindTypes[K], signal?: AbortSignal): Promise<KindTypes[K]>;
  patch<K extends KindName>(
    kind: K,
    project: string,
    name: string,
    patch: MergePatch,
    signal?: AbortSignal,
  ): Promise<KindTypes[K]>;
  /** Answers the object as it was last. What it owns goes with it; `Foreground`: before it. */
  delete<K extends KindName>(
    kind: K,
    project: string,
    name: string,
    options?: {
      readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
      readonly signal?: AbortSignal;
    },
  ): Promise<KindTypes[K]>;
  /** Changes of a kind in order. Throws `GONE` when it starts too far back: watch again without a version. */
  watch<K extends KindName>(kind: K, project: string, request?: WatchRequest): AsyncIterable<WatchLine<K>>;
}

interface Sending {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

export function createClient(options: ClientOptions): Client {
  const send = (sending: Sending) => sendRequest(options, sending);
  // The server is ours and of the same version: its answers are typed by the table, not checked again (one schema per boundary).
  const json = async <T>(sending: Sending): Promise<T> => (await (await send(sending)).json()) as T;
  return {
    call: (name, call) => json(callSending(name, call)),
    stream: async function* <E extends EndpointName>(name: E, call?: CallOptions<E>) {
      const response = await send(callSending(name, call));
      // As in `json`.
      for await (const item of readLines(response)) yield item as EndpointTypes[E]['answer'];
    },
    get: async (kind, project, name, signal) => {
      try {
        return await json({ method: 'GET', path: objectPath(kind, project, name), signal });
      } catch (error) {
        if (error instanceof GalleyError && error.code === 'OBJECT_NOT_FOUND') return undefined;
        throw error;
      }
    },
    list: async <K extends KindName>(kind: K, project: string, signal?: AbortSignal) => {
      const path = collectionPath(kinds[kind].plural, project);
      return (await json<{ items: readonly KindTypes[K][] }>({ method: 'GET', path, signal })).items;
    },
    create: (kind, project, object, signal) =>
      json({ method: 'POST', path: collectionPath(kinds[kind].plural, project), body: object, signal }),
    update: (object, signal) => {
      const { name, namespace } = object.metadata;
      return json({ method: 'PUT', path: objectPath(object.kind, namespace, name), body: object, signal });
    },
    patch: (kind, project, name, patch, signal) => {
      const contentType = 'application/merge-patch+json';
      return json({
        method: 'PATCH',
        path: objectPath(kind, project, name),
        body: patch,
        contentType,
        signal,
      });
    },
    delete: (kind, project, name, { propagation, signal } = {}) => {
      const query = { propagationPolicy: propagation };
      return json({ method: 'DELETE', path: objectPath(kind, project, name), query, signal });
    },
    watch: (kind, project, request) => watchObjects(send, kind, project, request),
  };
}

async function* watchObjects<K extends KindName>(
  send: (sending: Sending) => Promise<Response>,
  kind: K,
  project: string,
  request: WatchRequest = {},
): AsyncGenerator<WatchLine<K>> {
  const response = await send({
    method: 'GET',
    path: collectionPath(kinds[kind].plural, project),
    query: {
      watch: 'true',
      resourceVersion: request.resourceVersion,
      fieldSelector: request.name === undefined ? undefined : `metadata.name=${request.name}`,
    },
    signal: request.signal,
  });
  for await (const item of readLines(response)) {
    // As in `createClient`; a line of type ERROR carries an error's body in the object's place, as Kubernetes does it.
    const line = item as WatchLine<K>;
    if (line.type === 'ERROR') throw errorFromBody(line.object as unknown as ErrorBody);
    yield line;
  }
}

function objectPath(kind: KindName, namespace: string, name: string): string {
  return `${collectionPath(kinds[kind].plural, namespace)}/${encodeURIComponent(name)}`;
}

function callSending<E extends EndpointName>(name: E, call: CallOptions<E> = {}): Sending {
  const { method, path } = endpoints[name];
  const filled = path.replaceAll(/\{(\w+)\}/g, (_whole, param: string) => {
    const value = call.params?.[param];
    if (value === undefined) {
      throw new GalleyError('INTERNAL', `The endpoint ${name} needs the parameter ${param}.`);
    }
    // The slash and the colon of digests are unreserved in a path segment's value only after encoding.
    return encodeURIComponent(value);
  });
  return {
    method,
    path: filled,
    ...(call.query === undefined ? {} : { query: call.query }),
    ...(call.body === undefined ? {} : { body: call.body }),
    ...(call.signal === undefined ? {} : { signal: call.signal }),
  };
}

async function sendRequest(options: ClientOptions, sending: Sending): Promise<Response> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(sending.query ?? {})) {
    if (value !== undefined) query.set(name, value);
  }
  const suffix = query.size === 0 ? '' : `?${query.toString()}`;
  let response: Response;
  try {
    response = await options.fetch(
      `${options.baseUrl}${sending.path}${suffix}`,
      requestInit(options, sending),
    );
  } catch (error) {
    if (sending.signal?.aborted === true) throw error;
    throw new GalleyError('REQUEST_FAILED', `The server at ${options.baseUrl} cannot be reached.`, {
      hint: 'galley server status',
      cause: error,
    });
  }
  if (!response.ok) throw await errorOf(response, options.baseUrl);
  return response;
}

function requestInit(options: ClientOptions, sending: Sending): RequestInit {
  const { body } = sending;
  const binary = body instanceof Uint8Array || body instanceof ReadableStream;
  const contentType = sending.contentType ?? (binary ? 'application/x-tar' : 'application/json');
  const init = {
    method: sending.method,
    headers: {
      authorization: `Bearer ${options.token}`,
      ...(body === undefined ? {} : { 'content-type': contentType }),
    },
    ...(body === undefined ? {} : { body: binary ? body : JSON.stringify(body) }),
    // A stream as a body must say so (fetch specification); DOM's types do not know the member yet.
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
    ...(sending.signal === undefined ? {} : { signal: sending.signal }),
  };
  return init as RequestInit; // `duplex` and streams are the platform's, not yet every type's
}

async function errorOf(response: Response, baseUrl: string): Promise<GalleyError> {
  const text = await response.text();
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && 'code' in body && isErrorCode(String(body.code))) {
      return errorFromBody(body as ErrorBody);
    }
  } catch {
    // Not JSON: it did not come from Galley; said below.
  }
  return new GalleyError('REQUEST_FAILED', `The server at ${baseUrl} answered ${response.status}.`, {
    details: { status: response.status, body: text.slice(0, 500) },
  });
}
