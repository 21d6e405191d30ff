import { GalleyError } from '@galley/api/error/galley-error';

/** What a registry answered when it refused. */
export interface Refusal {
  readonly registry: string;
  /** What was asked of it, in words: `the manifest of team/model:v1`. */
  readonly what: string;
  readonly status: number;
  /** The beginning of the body. */
  readonly body: string;
  /** Milliseconds that it asked us to wait, where it did. */
  readonly retryAfterMs?: number | undefined;
}

/** Text of a stranger: one line, no control characters, not without end. */
function tame(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]+/g, ' ').slice(0, 300);
}

/** The first error of an OCI error body (distribution-spec, "Error Codes"), or nothing. */
function ownWords(body: string): { code?: string; message?: string } {
  try {
    const value: unknown = JSON.parse(body);
    const errors: unknown =
      typeof value === 'object' && value !== null && 'errors' in value ? value.errors : [];
    const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
    if (typeof first !== 'object' || first === null) return {};
    return {
      ...('code' in first && typeof first.code === 'string' ? { code: tame(first.code) } : {}),
      ...('message' in first && typeof first.message === 'string' ? { message: tame(first.message) } : {}),
    };
  } catch {
    return {};
  }
}

/** The error for an answer that was not hoped for; each status with what to do about it. */
export function answerError(refusal: Refusal): GalleyError {
  const { registry, what, status } = refusal;
  const own = ownWords(refusal.body);
  const said = own.message ?? own.code;
  const tail = said === undefined || said === '' ? '' : ` It says: ${said}`;
  const details = { registry, status, ...(own.code === undefined ? {} : { code: own.code }) };
  const failure = (
    code: ConstructorParameters<typeof GalleyError>[0],
    text: string,
    hint: string,
  ): GalleyError => new GalleyError(code, `${registry} ${text} (HTTP ${status}).${tail}`, { hint, details });
  switch (status) {
    case 401:
      return failure(
        'REGISTRY_UNAUTHORIZED',
        `wants to know who asks for ${what}`,
        `docker login ${registry}, or skopeo login ${registry}`,
      );
    case 403:
      return failure(
        'REGISTRY_DENIED',
        `does not allow ${what}`,
        'Ask for the right, or log in as somebody who has it.',
      );
    case 404:
      return failure(
        'REGISTRY_NOT_FOUND',
        `does not have ${what}`,
        'Check the name and the tag; some registries say this of what they hide from you.',
      );
    case 413:
      return failure('REGISTRY_FAILED', `takes no body as large as ${what}`, 'Push in pieces: --chunk 16Mi');
    case 429: {
      const wait =
        refusal.retryAfterMs === undefined ? 'later' : `in ${Math.ceil(refusal.retryAfterMs / 1000)} seconds`;
      return failure(
        'REGISTRY_BUSY',
        `has had enough requests for now and refused ${what}`,
        `Try again ${wait}; logged in, one may usually ask more.`,
      );
    }
    default:
      return failure(
        'REGISTRY_FAILED',
        `refused ${what}`,
        status >= 500
          ? 'Try again later; what was complete is not sent again.'
          : 'The registry may not support this.',
      );
  }
}

/** The error for an answer that breaks the specification or contradicts itself. */
export function answerInvalid(
  registry: string,
  problem: string,
  details: Readonly<Record<string, unknown>> = {},
): GalleyError {
  return new GalleyError('REGISTRY_ANSWER_INVALID', `${registry} ${problem}.`, {
    hint: 'Try again; if it stays, the registry or something in front of it is broken, or not to be trusted.',
    details: { registry, ...details },
  });
}

/** True for errors that may be over in a moment: a broken connection, 429, 5xx. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof GalleyError)) return true;
  if (error.code === 'REGISTRY_UNREACHABLE') return !isCertificateProblem(error);
  return (
    error.code === 'REGISTRY_BUSY' ||
    (error.code === 'REGISTRY_FAILED' && Number(error.details['status']) >= 500)
  );
}

/** Codes of TLS that waiting does not mend. */
const certificateProblems =
  /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|EPROTO|HOSTNAME_MISMATCH)/;

/** The code of a network failure, found under its causes; empty where it has none. */
export function networkCode(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (!(at instanceof GalleyError) && 'code' in at && typeof at.code === 'string') return at.code;
    if (at instanceof AggregateError && at.errors.length > 0) return networkCode(at.errors[0]);
  }
  return '';
}

/** True when TLS itself failed: asking again gives the same. */
export function isCertificateProblem(error: unknown): boolean {
  return certificateProblems.test(networkCode(error));
}

/** The error when no answer came at all. */
export function unreachable(registry: string, what: string, cause: unknown): GalleyError {
  const code = networkCode(cause);
  const hint = certificateProblems.test(code)
    ? `Put the certificate of its authority in /etc/docker/certs.d/${registry}/ca.crt; for a registry without TLS: --plain-http`
    : 'Check the name of the registry, the network and the proxy (HTTPS_PROXY, NO_PROXY).';
  return new GalleyError(
    'REGISTRY_UNREACHABLE',
    `${registry} did not answer when asked for ${what}${code === '' ? '' : ` (${code})`}.`,
    {
      hint,
      details: { registry, ...(code === '' ? {} : { code }) },
      cause,
    },
  );
}
