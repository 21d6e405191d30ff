import { request as send, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { bodyIsComing, endAnswer } from './end-answer.ts';
import { requestHeaders, responseHeaders } from './headers.ts';
import { matchRequest, type Match } from './match.ts';
import type { MinuteCounts } from './minute-counts.ts';
import { refuse } from './refusal.ts';
import { isReadAhead, readAhead, streamBody } from './request-body.ts';
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
    else refuseUnmatched(routing, match, request, response);
  };
}

function refuseUnmatched(
  routing: Routing,
  match: Exclude<Match, ApplicationMatch>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (match.kind === 'foreignHost') {
    const error = `The gateway does not answer under the name ${JSON.stringify(match.host)}.`;
    refuse(request, response, {
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
  refuse(request, response, { status: 404, code: 'NOT_FOUND', error, hint });
}

function forward(
  routing: Routing,
  counts: MinuteCounts,
  match: ApplicationMatch,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const handOn = (body?: Buffer): void => toReplica(routing, counts, match, { request, response, body });
  // Who waits for a body holds none of a replica's connections.
  if (isReadAhead(request)) readAhead(request, handOn, () => refuseSlow(request, response));
  else handOn();
}

function toReplica(routing: Routing, counts: MinuteCounts, match: ApplicationMatch, asked: Asked): void {
  const { request, response } = asked;
  if (response.destroyed) return;
  const replicas = routing.replicas(match.route);
  const busy = replicas.reduce((sum, upstream) => sum + upstream.inFlight, 0);
  if (replicas.length === 0 || busy >= inFlightMax) {
    const why = replicas.length === 0 ? 'has no replica that is ready' : 'has too many requests';
    unavailable(request, response, match, why);
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
  attempt(match, asked, replicas);
}

/** A request on its way to a replica. `body`: all of it; undefined: it comes, or there is none. */
interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body?: Buffer | undefined;
}

/** Sends to the first replica; one that cannot be connected to has seen no byte, so the next may have the request. */
function attempt(match: ApplicationMatch, asked: Asked, replicas: readonly Upstream[]): void {
  const { request, response, body } = asked;
  const [upstream, ...others] = replicas;
  if (upstream === undefined) {
    unavailable(request, response, match, 'has no replica that can be reached');
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
    // The body waits for the connection: what was read cannot be read again for another replica. A replica that takes no more of
    // it must not cut the client's connection, on which its answer leaves: that is why this is no `pipeline`.
    if (body === undefined) streamBody(request, sent, () => tooSlow({ request, response, sent }));
    else sent.end(body);
  });
  sent.once('response', (answer) => answerWith(answer, match, { request, response, sent }));
  sent.once('close', end);
  sent.once('error', () => {
    end();
    // An answer that has begun ends as its own stream does, also when the replica stopped reading before.
    if (response.destroyed || response.headersSent) return;
    if (!connected) attempt(match, asked, others);
    else replicaFailed(request, response, match);
  });
  hangUpWith(response, sent);
}

/** One request under way: the client's, and what was made of it for the replica. */
interface UnderWay {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly sent: ClientRequest;
}

function answerWith(answer: IncomingMessage, match: ApplicationMatch, underWay: UnderWay): void {
  const { request, response, sent } = underWay;
  const headers = responseHeaders(answer, match.sharedOrigin);
  // Said before the body has come: a client that looks up stops sending.
  if (bodyIsComing(request)) headers['connection'] = 'close';
  response.writeHead(answer.statusCode ?? 502, headers);
  // A broken answer is cut: its end would make the part look like the whole.
  answer.once('error', () => response.destroy());
  answer.once('end', () => {
    if (bodyIsComing(request)) sent.destroy();
    endAnswer(request, response);
  });
  answer.pipe(response, { end: false });
}

/** A client that went away is not waited for. */
function hangUpWith(response: ServerResponse, sent: ClientRequest): void {
  const hangUp = (): void => {
    if (!response.writableFinished) sent.destroy();
  };
  response.once('close', hangUp);
  sent.once('close', () => response.off('close', hangUp));
}

function tooSlow({ request, response, sent }: UnderWay): void {
  refuseSlow(request, response);
  sent.destroy();
}

function refuseSlow(request: IncomingMessage, response: ServerResponse): void {
  const error = 'The body of the request comes too slowly.';
  const hint = 'Send it in one piece, or from a better connection.';
  refuse(request, response, { status: 408, code: 'TIMED_OUT', error, hint });
}

function unavailable(
  request: IncomingMessage,
  response: ServerResponse,
  match: ApplicationMatch,
  why: string,
): void {
  const { name, project } = match.route;
  refuse(request, response, {
    status: 503,
    code: 'NO_REPLICA',
    error: `Application ${name} of project ${project} ${why}.`,
    hint: `galley status ${name}`,
    retryAfterSeconds: 1,
  });
}

function replicaFailed(request: IncomingMessage, response: ServerResponse, match: ApplicationMatch): void {
  const { name } = match.route;
  const error = `A replica of application ${name} broke off before it had answered.`;
  refuse(request, response, { status: 502, code: 'REPLICA_FAILED', error, hint: `galley logs ${name}` });
}
