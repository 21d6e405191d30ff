import { Agent } from 'node:http';
import { dialSocket } from '@galley/engine/socket/dial-socket';
import type { Target } from './route-table.ts';

/** Open at once to one replica; the runtime takes 128 and closes the idlest beyond that, which must not be ours. */
const connectionsMax = 100;
const idleConnectionsMax = 32;
/** Less than the runtime's own 75 s: who closes an idle connection is always the gateway, so no request meets a closed one. */
const idleMs = 30_000;

/** The connections to one replica, and how many requests are on their way to it. */
export class Upstream {
  readonly target: Target;
  readonly agent: Agent;
  inFlight = 0;
  private retired = false;

  constructor(target: Target) {
    this.target = target;
    this.agent = new Agent({
      keepAlive: true,
      maxSockets: connectionsMax,
      maxFreeSockets: idleConnectionsMax,
      timeout: idleMs,
    });
    this.agent.createConnection = (_options, created) => {
      dialSocket(target.socket).then(
        (socket) => created?.(null, socket),
        // Node's types ask for a stream beside the error; there is none.
        (error: Error) => created?.(error, undefined as never),
      );
      return undefined;
    };
  }

  begin(): void {
    this.inFlight += 1;
  }

  end(): void {
    this.inFlight -= 1;
    if (this.retired && this.inFlight === 0) this.agent.destroy();
  }

  /** No new requests; those under way end, then the connections are closed. */
  retire(): void {
    this.retired = true;
    if (this.inFlight === 0) this.agent.destroy();
  }
}
