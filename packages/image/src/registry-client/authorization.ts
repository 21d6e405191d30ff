import { GalleyError } from '@galley/api/error/galley-error';
import { request, type Dispatcher } from 'undici';
import { answerError, answerInvalid, unreachable } from './answer-error.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import type { Credentials, FindCredentials } from './credentials.ts';
import { isLocalAddress } from './loopback.ts';
import { readSmallText } from './read-body.ts';

/** Renewed this long before its end, so that it does not end on the way. */
const marginMs = 10_000;
/** What a token lives when its server does not say (distribution-spec's token document). */
const defaultLifeMs = 60_000;

export interface AuthorizationOptions {
  readonly registry: string;
  /** `https://registry.example/v2/`: a token server may not be less safe than this. */
  readonly base: URL;
  readonly http: Dispatcher;
  readonly credentials: FindCredentials;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

interface Token {
  readonly value: string;
  readonly endsMs: number;
}

/** The right to speak to one registry: its challenge, and the tokens that answered it, by scope. */
export class Authorization {
  readonly #options: AuthorizationOptions;
  readonly #tokens = new Map<string, Token>();
  readonly #fetching = new Map<string, Promise<Token>>();
  #challenge: Challenge | undefined;
  #credentials: Promise<Credentials | undefined> | undefined;

  constructor(options: AuthorizationOptions) {
    this.#options = options;
  }

  /**
   * Takes a 401 in, which `used` got. True: the next request may do better, since this one went as nobody, or with a token that was used up. Of several
   * requests that are refused together only the first takes the token away: the others find its successor.
   */
  challenged(header: string | undefined, scopes: readonly string[], used: string | undefined): boolean {
    const known = parseChallenges(header).find(({ scheme }) => scheme === 'bearer' || scheme === 'basic');
    if (known === undefined) return false;
    this.#challenge = known;
    if (used === undefined) return true;
    if (known.scheme !== 'bearer') return false;
    const key = scopeKey(scopes);
    const token = this.#tokens.get(key);
    if (token !== undefined && used === `Bearer ${token.value}`) this.#tokens.delete(key);
    return true;
  }

  /** The `Authorization` header for requests of these scopes; undefined: go as nobody. Throws `REGISTRY_UNAUTHORIZED` and what the token server's answers mean. */
  async header(scopes: readonly string[]): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    const credentials = await this.#find();
    if (credentials?.kind === 'bearer') return `Bearer ${credentials.token}`;
    if (challenge.scheme === 'basic') {
      return credentials?.kind === 'password' ? basic(credentials) : undefined;
    }
    return `Bearer ${(await this.#token(challenge, scopes, credentials)).value}`;
  }

  #find(): Promise<Credentials | undefined> {
    this.#credentials ??= this.#options.credentials(this.#options.registry, this.#options.signal);
    return this.#credentials;
  }

  async #token(
    challenge: Challenge,
    scopes: readonly string[],
    credentials: Credentials | undefined,
  ): Promise<Token> {
    const key = scopeKey(scopes);
    const known = this.#tokens.get(key);
    if (known !== undefined && known.endsMs - marginMs > this.#options.now()) return known;
    // One request for all that wait: four layers begin at the same moment.
    const fetching = this.#fetching.get(key) ?? this.#fetch(challenge, scopes, credentials);
    this.#fetching.set(key, fetching);
    try {
      const token = await fetching;
      this.#tokens.set(key, token);
      return token;
    } finally {
      this.#fetching.delete(key);
    }
  }

  async #fetch(
    challenge: Challenge,
    scopes: readonly string[],
    credentials: Credentials | undefined,
  ): Promise<Token> {
    const { registry, http, now, signal } = this.#options;
    const realm = this.#realm(challenge);
    const service = challenge.parameters['service'];
    const asked = tokenRequest(realm, { service, scopes, credentials });
    let answer;
    try {
      answer = await request(asked.url, {
        dispatcher: http,
        method: asked.method,
        headers: asked.headers,
        ...(asked.body === undefined ? {} : { body: asked.body }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (cause) {
      if (signal?.aborted === true) throw cause;
      throw unreachable(registry, `a token at ${realm.host}`, cause);
    }
    const text = await readSmallText(registry, answer.body);
    if (answer.statusCode !== 200) {
      const status = answer.statusCode === 400 ? 401 : answer.statusCode;
      throw answerError({ registry, what: `a token of ${realm.host}`, status, body: text });
    }
    const { value, lifeMs } = readToken(registry, text);
    return { value, endsMs: now() + lifeMs };
  }

  /** The token server that the challenge names. The password goes there, so it may not be less safe than the registry itself. */
  #realm(challenge: Challenge): URL {
    const { registry, base } = this.#options;
    const text = challenge.parameters['realm'] ?? '';
    if (!URL.canParse(text))
      throw answerInvalid(registry, 'asks for a token without saying where to get one');
    const realm = new URL(text);
    const plain = realm.protocol === 'http:' && base.protocol === 'http:';
    const strayed = isLocalAddress(realm.hostname) && !isLocalAddress(base.hostname);
    if ((realm.protocol !== 'https:' && !plain) || realm.username !== '' || strayed) {
      throw new GalleyError(
        'REGISTRY_REDIRECT',
        `${registry} wants the password to be sent to ${realm.protocol}//${realm.host}, which is not safe.`,
        { hint: 'Ask whoever runs the registry.', details: { registry } },
      );
    }
    return realm;
  }
}

function scopeKey(scopes: readonly string[]): string {
  return [...scopes].sort().join(' ');
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

interface TokenRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/** A refresh token by POST, as OAuth 2 has it; everything else by GET (distribution's token and oauth documents). */
function tokenRequest(
  realm: URL,
  asked: {
    readonly service: string | undefined;
    readonly scopes: readonly string[];
    readonly credentials: Credentials | undefined;
  },
): TokenRequest {
  const { service, scopes, credentials } = asked;
  if (credentials?.kind === 'identity-token') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: credentials.token,
      client_id: 'galley',
      scope: scopes.join(' '),
    });
    if (service !== undefined) form.set('service', service);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url: realm, headers, body: form.toString() };
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  return {
    method: 'GET',
    url,
    headers: credentials?.kind === 'password' ? { authorization: basic(credentials) } : {},
  };
}

function readToken(registry: string, text: string): { value: string; lifeMs: number } {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // Said below, without quoting what may be a token.
  }
  if (typeof answer === 'object' && answer !== null) {
    // Either name is right; `token` is Docker's, `access_token` OAuth's.
    const token = 'token' in answer ? answer.token : undefined;
    const value = token ?? ('access_token' in answer ? answer.access_token : undefined);
    const seconds = 'expires_in' in answer && typeof answer.expires_in === 'number' ? answer.expires_in : 0;
    if (typeof value === 'string' && /^[\x21-\x7e]{1,65536}$/.test(value)) {
      return { value, lifeMs: Math.max(seconds * 1000, defaultLifeMs) };
    }
  }
  throw answerInvalid(registry, 'gave a token that cannot be read');
}
