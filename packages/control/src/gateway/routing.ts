import { emptyTable, type ApplicationRoute, type RouteTable } from './route-table.ts';
import { Upstream } from './upstream.ts';

/** The table in use, and the connections that belong to it. Swapping is one step: a request sees the old table or the new. */
export class Routing {
  table: RouteTable = emptyTable;
  private readonly upstreams = new Map<string, Upstream>();
  private readonly retired = new Set<Upstream>();
  private readonly turns = new Map<string, number>();

  use(table: RouteTable): void {
    this.table = table;
    const wanted = new Map(
      table.applications.flatMap((route) => route.targets.map((target) => [keyOf(target), target] as const)),
    );
    for (const [key, upstream] of this.upstreams) {
      if (wanted.has(key)) continue;
      this.upstreams.delete(key);
      upstream.retire();
      if (upstream.inFlight > 0) this.retired.add(upstream);
    }
    for (const [key, target] of wanted) {
      if (!this.upstreams.has(key)) this.upstreams.set(key, new Upstream(target));
    }
  }

  /** The replicas of an application in the order in which a request tries them: each in turn is the first. */
  replicas(route: ApplicationRoute): readonly Upstream[] {
    const all = route.targets.flatMap((target) => this.upstreams.get(keyOf(target)) ?? []);
    const key = `${route.project}/${route.name}`;
    const turn = this.turns.get(key) ?? 0;
    this.turns.set(key, (turn + 1) % Math.max(1, all.length));
    return [...all.slice(turn), ...all.slice(0, turn)];
  }

  /** Requests under way by workload, those to replicas of former tables included: what draining waits for. */
  inFlight(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const upstream of [...this.upstreams.values(), ...this.retired]) {
      if (upstream.inFlight === 0) {
        this.retired.delete(upstream);
      } else {
        counts[upstream.target.id] = (counts[upstream.target.id] ?? 0) + upstream.inFlight;
      }
    }
    return counts;
  }

  close(): void {
    for (const upstream of this.upstreams.values()) upstream.retire();
  }
}

function keyOf(target: { readonly id: string; readonly socket: string }): string {
  return `${target.id} ${target.socket}`;
}
