/**
 * The gateway's process: `node main.ts CONFIG`, where CONFIG is the JSON of `GatewayConfig`. Listens, gives up its rights, follows
 * the routing file, and ends on SIGTERM when the requests under way are answered. Exit codes: 0 stopped, 98 the port is
 * taken, 1 anything else.
 */
import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { flushCompileCache } from 'node:module';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createAdmin } from './admin.ts';
import { refuseBroken } from './broken-request.ts';
import { gatewayMayStay, type GatewayConfig } from './config.ts';
import { MinuteCounts } from './minute-counts.ts';
import { dropPrivileges } from './privileges.ts';
import { createProxy } from './proxy.ts';
import { parseRouteTable } from './route-table.ts';
import { Routing } from './routing.ts';

/** As long as the runtime's own grace (`_limits.py`, `stop_seconds`). */
const drainMs = 25_000;

const config = JSON.parse(process.argv[2] ?? '') as GatewayConfig;
// An owner that was killed before it wrote down who we are would never find us again, and our port would be taken for ever.
if ((await text(process.stdin)) !== gatewayMayStay) process.exit(0);
const routing = new Routing();
const counts = new MinuteCounts(Date.now);
// Relative paths from here on: after the rights are gone the folders above may not be passable.
process.chdir(config.folder);
const proxy = createProxy(routing, counts);
/** The latest answer of each connection. */
const answers = new WeakMap<Duplex, ServerResponse>();
const front = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  answers.set(request.socket, response);
  proxy(request, response);
});
front.on('clientError', (error, socket) => refuseBroken(error, socket, answers.get(socket)));
const admin = createAdmin(routing, counts, () => {
  const address = front.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
});

// Before the first request: one that came between would be told that there is no application.
await reload();
await listen(front, { port: config.port, host: '127.0.0.1' });
process.umask(0o177);
await listen(admin, { path: 'admin.sock' });
process.umask(0o022);
// The folder, not the file: a rename puts another file in its place.
watch('.', (_event, name) => {
  if (name === 'routes.json') void reload();
});
// What was replaced before anybody watched.
await reload();
// What was compiled is written now: afterwards the folder is out of reach.
flushCompileCache();
if (config.identity !== undefined) dropPrivileges(config.identity);
process.on('SIGHUP', () => void reload());
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => undefined);

async function listen(server: Server, where: object): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(error.code === 'EADDRINUSE' && server === front ? 98 : 1);
  });
}

async function reload(): Promise<void> {
  try {
    const table = parseRouteTable(await readFile('routes.json', 'utf8'));
    // Two reads may end in the wrong order; a table never goes back.
    if (table.version > routing.table.version) routing.use(table);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    process.stderr.write(`${new Date().toISOString()} routes.json: ${String(error)}\n`);
  }
}

async function stop(): Promise<void> {
  const cut = setTimeout(() => process.exit(0), drainMs);
  cut.unref();
  const closed = new Promise((resolve) => front.close(resolve));
  // A connection becomes idle when its last answer is out; waiting for the client to hang up would take its whole keep-alive.
  const idle = setInterval(() => front.closeIdleConnections(), 50);
  await closed;
  clearInterval(idle);
  routing.close();
  process.exit(0);
}
