import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';

/** Headers that belong to one connection and not to the message (RFC 9110 §7.6.1). */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The end-to-end headers of a message: without those of the connection and those that `Connection` names. */
function endToEnd(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const kept: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !hopByHop.has(name) && !named.includes(name)) kept[name] = value;
  }
  return kept;
}

/** What the replica gets. Who asked is written here and nowhere else: a client's own claim is dropped. */
export function requestHeaders(request: IncomingMessage, sharedOrigin: boolean): OutgoingHttpHeaders {
  const headers = endToEnd(request.headers);
  headers['x-forwarded-for'] = request.socket.remoteAddress ?? '127.0.0.1';
  headers['x-forwarded-host'] = request.headers.host ?? '';
  headers['x-forwarded-proto'] = 'http';
  delete headers['forwarded'];
  delete headers['expect'];
  // Applications under one origin would read one another's cookies.
  if (sharedOrigin) delete headers['cookie'];
  // Without a length a body is of unknown size; Node then sends it in chunks.
  if (request.headers['transfer-encoding'] !== undefined) headers['transfer-encoding'] = 'chunked';
  return headers;
}

/** What the client gets. */
export function responseHeaders(response: IncomingMessage, sharedOrigin: boolean): OutgoingHttpHeaders {
  const headers = endToEnd(response.headers);
  if (sharedOrigin) {
    delete headers['set-cookie'];
    headers['content-security-policy'] = 'sandbox';
    headers['x-content-type-options'] = 'nosniff';
  }
  return headers;
}
