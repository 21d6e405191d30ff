import type { Dispatcher } from 'undici';
import { answerInvalid, isCertificateProblem, networkCode } from './answer-error.ts';
import { Authorization } from './authorization.ts';
import { patient, type Pace } from './back-off.ts';
import type { FindCredentials } from './credentials.ts';
import {
  exchange,
  textHeader,
  type ExchangeContext,
  type RegistryAnswer,
  type RegistryRequest,
} from './exchange.ts';
import { isLoopback } from './loopback.ts';
import { defaultRegistry } from './reference.ts';

/** What a connection to a registry needs of the world. */
export interface RegistryOptions {
  readonly http: Dispatcher;
  readonly credentials: FindCredentials;
  /** Speak HTTP without TLS. Registries of this machine are asked by HTTPS first and by HTTP if they do not speak it, as docker does. */
  readonly plainHttp?: boolean;
  readonly pace?: Pace;
  /** Milliseconds since the epoch. Default: the clock. */
  readonly now?: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** What is asked within one registry: the path below `/v2/`, or an address that it gave itself. */
export type RegistryCall = Omit<RegistryRequest, 'url'> & { readonly path: string | URL };

/** A connection to one registry. */
export class Registry {
  /** As in a reference: `registry.example:5000`. */
  readonly name: string;
  /** Ends in `/v2/`. */
  readonly base: URL;
  readonly #context: ExchangeContext;

  constructor(name: string, context: ExchangeContext) {
    this.name = name;
    this.base = context.base;
    this.#context = context;
  }

  get pace(): Pace {
    return this.#context.pace;
  }

  get signal(): AbortSignal | undefined {
    return this.#context.signal;
  }

  /** Throws `REGISTRY_*` for every status that is not in `accept`. */
  send({ path, ...call }: RegistryCall): Promise<RegistryAnswer> {
    const url = typeof path === 'string' ? new URL(path, this.base) : path;
    return exchange(this.#context, { ...call, url });
  }
}

/** Where the API of a registry is; Docker Hub's is not where its name says. */
function apiHost(registry: string): string {
  return registry === defaultRegistry ? 'registry-1.docker.io' : registry;
}

/**
 * Connects: asks `GET /v2/` once, as nobody, so that the challenge is known before any body is sent. Throws `REGISTRY_UNREACHABLE`, or
 * `REGISTRY_ANSWER_INVALID` where something else than a registry answers.
 */
export async function openRegistry(name: string, options: RegistryOptions): Promise<Registry> {
  const host = apiHost(name);
  if (options.plainHttp === true) return connect(name, new URL(`http://${host}/v2/`), options);
  const base = new URL(`https://${host}/v2/`);
  try {
    return await connect(name, base, options);
  } catch (error) {
    // Nobody between us and our own machine: then HTTP gives nothing away.
    if (!isLoopback(base.hostname) || !isCertificateProblem(error) || isRefusedCertificate(error))
      throw error;
    return connect(name, new URL(`http://${host}/v2/`), options);
  }
}

/** True where TLS was spoken and its certificate is not trusted; going on without TLS would go around the check. */
function isRefusedCertificate(error: unknown): boolean {
  return /CERT|SIGNATURE|ALTNAME|HOSTNAME/.test(networkCode(error));
}

async function connect(name: string, base: URL, options: RegistryOptions): Promise<Registry> {
  const { http, signal } = options;
  const now = options.now ?? Date.now;
  const authorization = new Authorization({
    registry: name,
    base,
    http,
    credentials: options.credentials,
    now,
    signal,
  });
  const context: ExchangeContext = {
    registry: name,
    base,
    http,
    authorization,
    pace: options.pace ?? patient,
    now,
    signal,
  };
  const answer = await exchange(context, {
    method: 'GET',
    url: base,
    what: 'its version',
    scopes: [],
    accept: [200, 401, 403, 404],
  });
  await answer.body.dump();
  authorization.challenged(textHeader(answer.headers, 'www-authenticate'), [], undefined);
  if (answer.status === 404) throw answerInvalid(name, 'is no registry: it has no /v2/');
  return new Registry(name, context);
}
