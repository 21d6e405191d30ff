import { createServer, type Server } from 'node:http';
import { randomUUID } from 'node:crypto';
import type { MinuteCount, MinuteCounts } from './minute-counts.ts';
import type { Routing } from './routing.ts';

/** What the gateway says of itself on its admin socket (`GET /state`). */
export interface GatewayState {
  readonly pid: number;
  /** Of this life of the process: counts are cumulative within it. */
  readonly boot: string;
  readonly port: number;
  /** Of the table in use. */
  readonly version: number;
  /** Requests under way by workload. */
  readonly inFlight: Readonly<Record<string, number>>;
}

/** `GET /counts?since=MINUTE`. */
export interface GatewayCounts {
  readonly boot: string;
  readonly counts: readonly MinuteCount[];
}

/** Answers control's questions. The socket lies in a folder that only control's user may enter. */
export function createAdmin(routing: Routing, counts: MinuteCounts, port: () => number): Server {
  const boot = randomUUID();
  return createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://gateway');
    let answer: GatewayState | GatewayCounts | undefined;
    if (url.pathname === '/state') {
      const { version } = routing.table;
      answer = { pid: process.pid, boot, port: port(), version, inFlight: routing.inFlight() };
    } else if (url.pathname === '/counts') {
      answer = { boot, counts: counts.after(Number(url.searchParams.get('since') ?? 0)) };
    }
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { error: 'there is no such question' }));
  });
}
