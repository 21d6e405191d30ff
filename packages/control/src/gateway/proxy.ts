import { request as send, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { requestHeaders, responseHeaders } from './headers.ts';
import { matchRequest, type Match } from './match.ts';
import type { MinuteCounts } from './minute-counts.ts';
import { refuse } from './refusal.ts';
import type { Routing } from './routing.ts';
import type { Upstream } from './upstream.ts';

/** Requests under way to one application; more are told to come back. */
const inFlightMax = 1000;

type ApplicationMatch = Extract<Match, { kind: 'application' }>;

/** Carries requests to replicas by the table in use. */
export function createProxy(
  routing: Routing,
  counts: MinuteCounts,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const match = matchRequest(routing.table, request.headers.host, request.url ?? '/');
    if (match.kind === 'application') forward(routing, counts, match, request, response);
    else refuseUnmatched(routing, match, response);
  };
}

function refuseUnmatched(
  routing: Routing,
  match: Exclude<Match, ApplicationMatch>,
  response: ServerResponse,
): void {
  if (match.kind === 'foreignHost') {
    const error = `The gateway does not answer under the name ${JSON.stringify(match.host)}.`;
    refuse(response, {
      status: 421,
      code: 'HOST_REFUSED',
      error,
      hint: 'Use NAME.PROJECT.localhost or localhost.',
    });
    return;
  }
  const known = routing.table.applications.map((route) => `/apps/${route.project}/${route.name}/`);
  const error =
    match.wanted === undefined
      ? 'No application lives at this path.'
      : `There is no application ${match.wanted}.`;
  const hint = known.length === 0 ? 'galley deploy' : `There are: ${known.slice(0, 20).join(' ')}`;
  refuse(response, { status: 404, code: 'NOT_FOUND', error, hint });
}

function forward(
  routing: Routing,
  counts: MinuteCounts,
  match: ApplicationMatch,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const replicas = routing.replicas(match.route);
  const busy = replicas.reduce((sum, upstream) => sum + upstream.inFlight, 0);
  if (replicas.length === 0 || busy >= inFlightMax) {
    unavailable(
      response,
      match,
      replicas.length === 0 ? 'has no replica that is ready' : 'has too many requests',
    );
    return;
  }
  if (request.method === 'POST') {
    // 'close' comes exactly once, after the answer or when either side broke off.
    response.once('close', () => {
      const answered = response.writableFinished && response.statusCode < 300;
      const failed = !response.writableFinished || response.statusCode >= 500;
      if (answered) counts.note(match.route.revision, 'answered');
      else if (failed) counts.note(match.route.revision, 'failed');
    });
  }
  attempt(match, request, response, replicas);
}

/** Sends to the first replica; one that cannot be connected to has seen no byte, so the next may have the request. */
function attempt(
  match: ApplicationMatch,
  request: IncomingMessage,
  response: ServerResponse,
  replicas: readonly Upstream[],
): void {
  const [upstream, ...others] = replicas;
  if (upstream === undefined) {
    unavailable(response, match, 'has no replica that can be reached');
    return;
  }
  upstream.begin();
  const sent = send({
    agent: upstream.agent,
    method: request.method ?? 'GET',
    path: match.path,
    headers: requestHeaders(request, match.sharedOrigin),
  });
  let connected = false;
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    upstream.end();
  };
  sent.once('socket', () => {
    connected = true;
    // The body waits for the connection: what was read cannot be read again for another replica.
    pipeline(request, sent, () => undefined);
  });
  sent.once('response', (answer) => answerWith(answer, match, response));
  sent.once('close', end);
  sent.once('error', () => {
    end();
    if (response.destroyed) return;
    if (!connected) attempt(match, request, response, others);
    else replicaFailed(response, match);
  });
  hangUpWith(response, sent);
}

function answerWith(answer: IncomingMessage, match: ApplicationMatch, response: ServerResponse): void {
  response.writeHead(answer.statusCode ?? 502, responseHeaders(answer, match.sharedOrigin));
  pipeline(answer, response, () => undefined);
}

/** A client that went away is not waited for. */
function hangUpWith(response: ServerResponse, sent: ClientRequest): void {
  const hangUp = (): void => {
    if (!response.writableFinished) sent.destroy();
  };
  response.once('close', hangUp);
  sent.once('close', () => response.off('close', hangUp));
}

function unavailable(response: ServerResponse, match: ApplicationMatch, why: string): void {
  const { name, project } = match.route;
  refuse(response, {
    status: 503,
    code: 'NO_REPLICA',
    error: `Application ${name} of project ${project} ${why}.`,
    hint: `galley status ${name}`,
    retryAfterSeconds: 1,
  });
}

function replicaFailed(response: ServerResponse, match: ApplicationMatch): void {
  const { name } = match.route;
  const error = `A replica of application ${name} broke off before it had answered.`;
  refuse(response, { status: 502, code: 'REPLICA_FAILED', error, hint: `galley logs ${name}` });
}
