import type { Readable } from 'node:stream';

/** A request, as much of it as a registry needs. */
export interface ServerRequest {
  readonly method: string;
  /** As it was sent, without the query: `/v2/team/model/manifests/v1`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Readable;
}

/** An answer. A stream is destroyed by whoever sends it if the client hangs up. */
export interface ServerAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | (() => Readable);
}

/** The codes of the distribution specification that are used here. */
export type RefusalCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNKNOWN'
  | 'UNSUPPORTED';

/** An error as the specification writes it. */
export function refuse(
  status: number,
  code: RefusalCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): ServerAnswer {
  return json(status, { errors: [{ code, message }] }, headers);
}

/** A value as JSON. */
export function json(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): ServerAnswer {
  return bytes(status, Buffer.from(JSON.stringify(value), 'utf8'), {
    'content-type': 'application/json',
    ...headers,
  });
}

/** Bytes with their length. */
export function bytes(status: number, body: Buffer, headers: Readonly<Record<string, string>>): ServerAnswer {
  return { status, headers: { 'content-length': String(body.byteLength), ...headers }, body };
}

/** Nothing but headers. */
export function empty(status: number, headers: Readonly<Record<string, string>> = {}): ServerAnswer {
  return { status, headers: status === 204 ? headers : { 'content-length': '0', ...headers } };
}
