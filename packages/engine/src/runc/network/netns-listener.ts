/**
 * A program, not a module: `nsenter` starts it inside a workload's network. It opens one listening socket per port
 * given, hands each to the engine over the channel to its parent, and ends. The sockets stay in that network, whoever
 * accepts from them (ADR 0020).
 */
import { createServer } from 'node:net';

for (const port of process.argv.slice(2).map(Number)) {
  const server = createServer();
  server.listen(port, '127.0.0.1', () => {
    // Started by `listen-inside.ts` with a channel; without one there is nobody to serve.
    process.send?.({ port }, server, {}, () => server.close());
  });
  server.on('error', (error) => process.send?.({ port, error: error.message }));
}
