import { GalleyError } from '@galley/api/error/galley-error';

/** Where a service is reached and what it is. */
export interface ServiceAddress {
  /** `http://127.0.0.1:7080`. */
  readonly gateway: string;
  readonly project: string;
  readonly application: string;
}

/** An address that needs no name resolution: every client can use it. */
export function serviceUrl(address: ServiceAddress): string {
  return `${address.gateway}/apps/${address.project}/${address.application}`;
}

/** What a service answers when it refuses (docs/design/wire.md, "HTTP of the service"). */
interface Refusal {
  readonly error?: string;
  readonly code?: string;
  readonly row?: number;
  readonly column?: string;
  readonly hint?: string;
}

export interface PredictOptions {
  readonly contentType: 'application/json' | 'text/csv';
  /** RFC 3339: when it happened, for the monitors. */
  readonly eventTime?: string;
  readonly signal: AbortSignal;
}

/** Sends a body to `/invocations` and gives back the predictions. Throws `PREDICTION_REFUSED` with the row and column, `PREDICTION_FAILED` when the predictor raised, or `SERVICE_UNREACHABLE`. */
export async function predict(
  address: ServiceAddress,
  body: string | Uint8Array<ArrayBuffer>,
  options: PredictOptions,
): Promise<readonly unknown[]> {
  const url = `${serviceUrl(address)}/invocations`;
  const headers: Record<string, string> = { 'content-type': options.contentType };
  if (options.eventTime !== undefined) headers['galley-event-time'] = options.eventTime;
  const response = await fetch(url, { method: 'POST', headers, body, signal: options.signal }).catch(
    (cause: unknown) => {
      throw new GalleyError(
        'SERVICE_UNREACHABLE',
        `The service ${address.application} does not answer at ${url}.`,
        {
          hint: `galley status ${address.application}`,
          cause,
        },
      );
    },
  );
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok && isPredictions(answer)) return answer.predictions;
  throw refused(address.application, response.status, answer ?? {});
}

function isPredictions(answer: unknown): answer is { predictions: readonly unknown[] } {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    'predictions' in answer &&
    Array.isArray(answer.predictions)
  );
}

function refused(application: string, status: number, answer: Refusal): GalleyError {
  const why = answer.error ?? `HTTP status ${status}`;
  if (status === 503 || status === 502) {
    return new GalleyError('SERVICE_UNREACHABLE', `The service ${application} can't answer now: ${why}.`, {
      hint: `galley status ${application}`,
      details: { status, ...answer },
    });
  }
  if (status >= 500) {
    return new GalleyError(
      'PREDICTION_FAILED',
      `The service ${application} could not score the rows: ${why}`,
      {
        hint: `galley logs ${application} shows the traceback.`,
        details: { status, ...answer },
      },
    );
  }
  return new GalleyError('PREDICTION_REFUSED', `The service ${application} refused the request: ${why}`, {
    hint: answer.hint ?? `galley open ${application} shows what it takes.`,
    details: { status, ...answer },
  });
}
