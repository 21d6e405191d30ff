import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { decide, type EgressLists, type Resolve } from './allow-list.ts';
import { formatHostPort, parseHostPort, type HostPort } from './host-port.ts';

export interface ProxyOptions {
  /** What may be reached now: read at each request. */
  readonly lists: () => Promise<EgressLists>;
  /** Called with `host:port` for each refusal. */
  readonly onRefused: (hostPort: string) => void;
  /** Called with `host:port` for each connection, before a byte comes from there. */
  readonly onReached: (hostPort: string) => void;
  readonly resolve: Resolve;
}

const connectDeadlineMs = 30_000;
/** More than any notebook opens; a workload must not take all file descriptors of the owner. */
const connectionsMax = 256;

/** Headers that belong to one hop (RFC 9110 §7.6.1), and the credentials for us that nobody further needs. */
const hopHeaders = new Set([
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

/** An HTTP proxy for one workload: CONNECT and absolute-form, to listed hosts only. Not listening yet. */
export function createProxy(options: ProxyOptions): Server {
  const server = createServer((incoming, response) => {
    forward(incoming, response, options).catch(() => response.destroy());
  });
  server.on('connect', (incoming: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on('error', () => client.destroy());
    tunnel(incoming, client, head, options).catch(() => client.destroy());
  });
  server.maxConnections = connectionsMax;
  return server;
}

async function tunnel(
  incoming: IncomingMessage,
  client: Duplex,
  head: Buffer,
  options: ProxyOptions,
): Promise<void> {
  const answer = (status: string, text: string): void => {
    client.end(`HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${text}\n`);
  };
  const target = parseHostPort(incoming.url ?? '');
  if (target === undefined) return answer('400 Bad Request', 'CONNECT wants host:port.');
  const verdict = await decide(target, await options.lists(), options.resolve);
  if (!verdict.allowed) {
    if (verdict.why === 'unresolved') return answer('502 Bad Gateway', `${verdict.reason}.`);
    options.onRefused(formatHostPort(target));
    return answer('403 Forbidden', `${verdict.reason}.`);
  }
  const upstream = await connectFirst(verdict.addresses, target.port);
  if (upstream === undefined) return answer('502 Bad Gateway', `${formatHostPort(target)} does not answer.`);
  options.onReached(formatHostPort(target));
  upstream.on('error', () => client.destroy());
  upstream.on('close', () => client.destroy());
  client.on('close', () => upstream.destroy());
  client.write('HTTP/1.1 200 Connection established\r\n\r\n');
  if (head.length > 0) upstream.write(head);
  upstream.pipe(client);
  client.pipe(upstream);
}

async function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  options: ProxyOptions,
): Promise<void> {
  const answer = (status: number, text: string): void => {
    response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
  };
  const url = URL.parse(incoming.url ?? '');
  const target = url?.protocol === 'http:' ? parseHostPort(url.host, 80) : undefined;
  if (url === null || target === undefined)
    return answer(400, 'This is a proxy: it wants an absolute http:// URL.');
  const verdict = await decide(target, await options.lists(), options.resolve);
  if (!verdict.allowed) {
    if (verdict.why === 'unresolved') return answer(502, `${verdict.reason}.`);
    options.onRefused(formatHostPort(target));
    return answer(403, `${verdict.reason}.`);
  }
  const upstream = await connectFirst(verdict.addresses, target.port);
  if (upstream === undefined) return answer(502, `${formatHostPort(target)} does not answer.`);
  options.onReached(formatHostPort(target));
  response.on('close', () => upstream.destroy());
  pass(incoming, response, url, target, upstream);
}

/** One request over a connection of its own, so that no later request rides on a pinned connection. */
function pass(
  incoming: IncomingMessage,
  response: ServerResponse,
  url: URL,
  target: HostPort,
  upstream: Socket,
): void {
  const outgoing = request({
    createConnection: () => upstream,
    method: incoming.method ?? 'GET',
    path: `${url.pathname}${url.search}`,
    headers: { ...endToEnd(incoming.headers), host: url.host || formatHostPort(target), connection: 'close' },
  });
  outgoing.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  });
  outgoing.on('error', () => {
    if (!response.headersSent) response.writeHead(502);
    response.end();
  });
  incoming.on('error', () => outgoing.destroy());
  incoming.pipe(outgoing);
}

function endToEnd(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  const named = new Set((headers.connection ?? '').toLowerCase().split(/\s*,\s*/));
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !hopHeaders.has(name) && !named.has(name)) kept[name] = value;
  }
  return kept;
}

async function connectFirst(addresses: readonly string[], port: number): Promise<Socket | undefined> {
  for (const address of addresses) {
    const socket = await connectOne(address, port);
    if (socket !== undefined) return socket;
  }
  return undefined;
}

function connectOne(host: string, port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (result: Socket | undefined): void => {
      clearTimeout(timer);
      socket.removeAllListeners('connect').removeAllListeners('error');
      if (result === undefined) {
        socket.on('error', () => undefined);
        socket.destroy();
      }
      resolve(result);
    };
    const timer = setTimeout(() => settle(undefined), connectDeadlineMs);
    socket.once('connect', () => settle(socket));
    socket.once('error', () => settle(undefined));
  });
}
