import { appendFile } from 'node:fs/promises';
import type { Server as HttpServer } from 'node:http';
import type { Server, Socket } from 'node:net';
import { systemResolve } from '../../egress/allow-list.ts';
import { readIndexConfiguration } from '../../egress/index-configuration.ts';
import { createIndexServer } from '../../egress/index-server.ts';
import type { IndexUpstream } from '../../egress/index-upstream.ts';
import { createProxy } from '../../egress/proxy.ts';
import { isAlive } from '../process/process-identity.ts';
import type { WorkloadRecord } from '../record.ts';
import type { FetchedFile } from '../../engine.ts';
import type { WorkloadTable } from '../workload-table.ts';
import type { Egress } from './egress.ts';
import { listenInside } from './listen-inside.ts';

/** Ports inside (DESIGN.md §4 and §10). */
const proxyPort = 3128;
const indexPort = 3141;
const hostsMax = 100;

/** The doors of one network: its members share what each may have, as they share the network. */
interface Door {
  readonly members: Set<string>;
  readonly servers: HttpServer[];
  readonly sockets: Set<Socket>;
  /** What is noted of each member's downloads: the note lies on the host, so a file that is fetched for hours is noted once. */
  readonly noted: Set<string>;
}

export interface EgressOptions {
  readonly table: WorkloadTable;
  /** Absent: as pip and uv on this machine are configured. */
  readonly indexUpstreams: readonly string[] | undefined;
  /** `host:port` that may lead to private addresses: the operator's, read at each request. */
  readonly privateHosts: () => Promise<readonly string[]>;
  readonly now: () => number;
}

/** True when the workload has the doors: the proxy also where only the index is wanted, so that a refusal has a name. */
export function hasEgress({ workload: { egress } }: WorkloadRecord): boolean {
  return egress.index || egress.hosts.length > 0;
}

/** Opens doors as workloads want them. The indexes' configuration is read when the first one asks. */
export class Doors implements Egress {
  readonly #options: EgressOptions;
  readonly #doors = new Map<string, Door>();
  #upstream: Promise<IndexUpstream> | undefined;

  constructor(options: EgressOptions) {
    this.#options = options;
  }

  async open(record: WorkloadRecord): Promise<void> {
    if (!hasEgress(record) || record.init === undefined || !isAlive(record.init)) return;
    const key = doorKey(record);
    const door = this.#doors.get(key) ?? (await this.#openDoor(record.init.pid));
    this.#doors.set(key, door);
    door.members.add(record.workload.id);
  }

  close(record: WorkloadRecord): Promise<void> {
    const key = doorKey(record);
    const door = this.#doors.get(key);
    door?.members.delete(record.workload.id);
    if (door?.members.size === 0) {
      this.#doors.delete(key);
      closeDoor(door);
    }
    return Promise.resolve();
  }

  async closeAll(): Promise<void> {
    for (const door of this.#doors.values()) closeDoor(door);
    this.#doors.clear();
    const upstream = await this.#upstream?.catch(() => undefined);
    await upstream?.close();
  }

  async #openDoor(pid: number): Promise<Door> {
    const door: Door = { members: new Set(), servers: [], sockets: new Set(), noted: new Set() };
    const proxy = createProxy({
      lists: async () => ({
        allowed: this.#members(door).flatMap(({ workload }) => workload.egress.hosts),
        privateHosts: await this.#options.privateHosts(),
      }),
      onRefused: (hostPort) => this.#note(door, 'refusedHosts', hostPort),
      onReached: (hostPort) => this.#note(door, 'reachedHosts', hostPort),
      resolve: systemResolve,
    });
    const index = createIndexServer({
      upstream: () => this.#openUpstream(),
      wanted: () => this.#members(door).some(({ workload }) => workload.egress.index),
      onFetched: (file) => this.#fetched(door, file),
    });
    const listeners = await listenInside(pid, [proxyPort, indexPort]);
    for (const [position, server] of [proxy, index].entries()) attach(door, server, listeners[position]);
    return door;
  }

  #openUpstream(): Promise<IndexUpstream> {
    const { indexUpstreams, now } = this.#options;
    this.#upstream ??= (async () => {
      const configuration =
        indexUpstreams === undefined
          ? await readIndexConfiguration(process.env)
          : { urls: indexUpstreams, certificates: undefined };
      // Loaded with the first use: its HTTP client takes 20 MB that a server at rest does not need (bench/at-rest.ts).
      const { openIndexUpstream } = await import('../../egress/index-upstream.ts');
      return openIndexUpstream(configuration, now);
    })();
    // What failed is tried again by the next request.
    this.#upstream.catch(() => (this.#upstream = undefined));
    return this.#upstream;
  }

  #members(door: Door): WorkloadRecord[] {
    return [...door.members].flatMap((id) => this.#options.table.get(id)?.record ?? []);
  }

  #note(door: Door, list: 'refusedHosts' | 'reachedHosts', hostPort: string): void {
    const { table } = this.#options;
    for (const id of door.members) {
      void table.queue(id, async () => {
        const entry = table.get(id);
        const before = entry?.record[list] ?? [];
        if (entry === undefined || before.length >= hostsMax || before.includes(hostPort)) return;
        await table.update(entry, { [list]: [...before, hostPort] });
      });
    }
  }

  #fetched(door: Door, file: FetchedFile): void {
    const { table } = this.#options;
    const line = `${JSON.stringify(file)}\n`;
    for (const id of door.members) {
      const note = `${id} ${line}`;
      if (door.noted.has(note)) continue;
      door.noted.add(note);
      void table.queue(id, async () => {
        const entry = table.get(id);
        if (entry) await appendFile(entry.paths.fetched, line, { mode: 0o600 });
      });
    }
  }
}

function doorKey({ workload }: WorkloadRecord): string {
  return workload.networkGroup === undefined ? `id ${workload.id}` : `group ${workload.networkGroup}`;
}

function attach(door: Door, server: HttpServer, listener: Server | undefined): void {
  // http.Server takes over the listening socket of the one that came from inside.
  server.listen(listener);
  // Tunnels leave the server's own list of connections, so they are kept here.
  server.on('connection', (socket: Socket) => {
    door.sockets.add(socket);
    socket.on('close', () => door.sockets.delete(socket));
  });
  door.servers.push(server);
}

function closeDoor(door: Door): void {
  for (const server of door.servers) server.close();
  for (const socket of door.sockets) socket.destroy();
}
