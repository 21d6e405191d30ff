import type { Identity } from './privileges.ts';

/** What control tells the gateway's process: the JSON of its one argument. */
export interface GatewayConfig {
  /** Holds `routes.json` and `admin.sock`; becomes the working directory. */
  readonly folder: string;
  readonly port: number;
  /** Absent: serves under the ids that it was started with. */
  readonly identity?: Identity;
}

/** What control writes to the gateway's standard input when it has written down which process it is. */
export const gatewayMayStay = 'stay\n';
