import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  emptyTable,
  parseRouteTable,
  type ApplicationRoute,
  type RouteTable,
} from '../gateway/route-table.ts';
import { replaceFile } from '../owner/replace-file.ts';

/** The routing file: what control wants the gateway to do. It survives control, so that a restart routes nobody away. */
export class RoutingFile {
  private readonly path: string;
  private table: RouteTable;

  constructor(folder: string) {
    this.path = join(folder, 'routes.json');
    this.table = readTable(this.path);
  }

  get version(): number {
    return this.table.version;
  }

  get routes(): readonly ApplicationRoute[] {
    return this.table.applications;
  }

  route(project: string, name: string): ApplicationRoute | undefined {
    return this.table.applications.find((route) => route.project === project && route.name === name);
  }

  /** Puts, or with undefined takes away, the route of one application. Replaced as a whole: no reader sees half a table. */
  set(
    project: string,
    name: string,
    route: Pick<ApplicationRoute, 'revision' | 'targets'> | undefined,
  ): void {
    const others = this.table.applications.filter(
      (entry) => !(entry.project === project && entry.name === name),
    );
    const applications = route === undefined ? others : [...others, { project, name, ...route }];
    applications.sort((a, b) => (`${a.project}/${a.name}` < `${b.project}/${b.name}` ? -1 : 1));
    if (isDeepStrictEqual(applications, this.table.applications)) return;
    this.table = { schema: 'galley.dev/routes/v1', version: this.table.version + 1, applications };
    replaceFile(this.path, JSON.stringify(this.table), 0o644);
  }
}

function readTable(path: string): RouteTable {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return emptyTable;
  }
  return parseRouteTable(text);
}
