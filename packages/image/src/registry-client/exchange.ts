import type { Readable } from 'node:stream';
import { request, type Dispatcher } from 'undici';
import { GalleyError } from '@galley/api/error/galley-error';
import { answerError, isCertificateProblem, isPassing, unreachable } from './answer-error.ts';
import type { Authorization } from './authorization.ts';
import { retryAfterMs, waitMs, type Pace } from './back-off.ts';
import { readSmallText } from './read-body.ts';
import { locationOf, redirectsMax, refused } from './redirect.ts';

/** One thing that is asked of a registry. */
export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly url: URL;
  /** In words, for errors: `the manifest of team/model:v1`. */
  readonly what: string;
  /** `repository:team/model:pull,push`. */
  readonly scopes: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for every try. */
  readonly body?: () => Uint8Array | Readable;
  /** Statuses that the caller knows what to do with; every other one is thrown as its error. */
  readonly accept: readonly number[];
  /** False: tried once, since doing it twice is not doing it once. Default true. */
  readonly repeat?: boolean;
  /** Milliseconds until the answer must begin, once everything is sent; default: the client's. */
  readonly answerWithinMs?: number;
}

/** What came back. The body must be read or dumped. */
export interface RegistryAnswer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: Dispatcher.ResponseData['body'];
  /** Where it came from in the end: what a relative `Location` starts at. */
  readonly url: URL;
}

/** What every exchange with one registry shares. */
export interface ExchangeContext {
  readonly registry: string;
  readonly base: URL;
  readonly http: Dispatcher;
  readonly authorization: Authorization;
  readonly pace: Pace;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** Statuses that may be others a moment later. */
const passing: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Asks until there is an answer that counts: again after 429, 5xx and broken connections (with back-off), once more after a 401 that says how,
 * and on at another address where a redirection may be followed. Throws `REGISTRY_*`, each naming registry and thing.
 */
export async function exchange(context: ExchangeContext, asked: RegistryRequest): Promise<RegistryAnswer> {
  let failures = 0;
  let introduced = false;
  for (;;) {
    context.signal?.throwIfAborted();
    const outcome = await attempt(context, asked);
    if ('answer' in outcome) {
      const { answer } = outcome;
      if (asked.accept.includes(answer.status)) return answer;
      const header = textHeader(answer.headers, 'www-authenticate');
      if (
        answer.status === 401 &&
        !introduced &&
        context.authorization.challenged(header, asked.scopes, outcome.authorization)
      ) {
        introduced = true;
        await answer.body.dump();
        continue;
      }
    }
    failures += 1;
    const { error, askedMs, passes } = await explain(context, asked, outcome);
    const wait = waitMs(context.pace, failures, askedMs);
    const hopeless = !passes || asked.repeat === false || failures >= context.pace.attempts;
    if (hopeless || wait > context.pace.longestMs) throw error;
    await context.pace.sleep(wait, context.signal);
  }
}

type Outcome =
  | { readonly answer: RegistryAnswer; readonly authorization: string | undefined }
  | { readonly failure: unknown };

async function attempt(context: ExchangeContext, asked: RegistryRequest): Promise<Outcome> {
  try {
    const authorization = await context.authorization.header(asked.scopes);
    return { answer: await follow(context, asked, authorization), authorization };
  } catch (failure) {
    if (context.signal?.aborted === true) throw context.signal.reason;
    if (failure instanceof GalleyError && !isPassing(failure)) throw failure;
    return { failure };
  }
}

async function explain(
  context: ExchangeContext,
  asked: RegistryRequest,
  outcome: Outcome,
): Promise<{ error: Error; askedMs?: number | undefined; passes: boolean }> {
  const { registry } = context;
  const { what } = asked;
  if ('failure' in outcome) {
    const { failure } = outcome;
    // A token server's: it says already who failed and at what.
    if (failure instanceof GalleyError) return { error: failure, passes: true };
    return { error: unreachable(registry, what, failure), passes: !isCertificateProblem(failure) };
  }
  const { status, headers, body } = outcome.answer;
  const askedMs = retryAfterMs(textHeader(headers, 'retry-after'), context.now());
  // A body that breaks off in the middle says no less about the status.
  const text = asked.method === 'HEAD' ? '' : await readSmallText(registry, body).catch(() => '');
  if (asked.method === 'HEAD') await body.dump();
  const error = answerError({ registry, what, status, body: text, retryAfterMs: askedMs });
  return { error, askedMs, passes: passing.has(status) };
}

/** Follows redirections by hand: undici and fetch keep an Authorization or drop it by rules that are not a registry's (engine.md §4). */
async function follow(
  context: ExchangeContext,
  asked: RegistryRequest,
  authorization: string | undefined,
): Promise<RegistryAnswer> {
  const { registry, http, signal, base } = context;
  let { url } = asked;
  for (let hop = 0; hop <= redirectsMax; hop += 1) {
    // Storage behind a registry refuses an Authorization that it does not know, and a stranger must not see ours.
    const known = authorization !== undefined && url.origin === base.origin;
    const answer = await request(url, {
      dispatcher: http,
      method: asked.method,
      headers: { ...asked.headers, 'user-agent': 'galley', ...(known ? { authorization } : {}) },
      ...(asked.body === undefined ? {} : { body: asked.body() }),
      ...(asked.answerWithinMs === undefined ? {} : { headersTimeout: asked.answerWithinMs }),
      ...(signal === undefined ? {} : { signal }),
    });
    const { statusCode: status, headers, body } = answer;
    // 301, 302 and 303 turn a body into none: only what has none follows them.
    const follows =
      status === 307 || status === 308 || (asked.body === undefined && [301, 302, 303].includes(status));
    if (!follows) return { status, headers, body, url };
    await body.dump();
    url = locationOf(registry, url, textHeader(headers, 'location'));
  }
  throw refused(registry, `it sent us on ${redirectsMax + 1} times`);
}

/** A header that may stand there once; several are joined as HTTP has it. */
export function textHeader(headers: RegistryAnswer['headers'], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
