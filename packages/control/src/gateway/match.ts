import type { ApplicationRoute, RouteTable } from './route-table.ts';

/** Where a request goes. */
export type Match =
  | {
      readonly kind: 'application';
      readonly route: ApplicationRoute;
      /** Path and query for the replica. */
      readonly path: string;
      /** By path all applications share one origin: their answers are kept from acting as pages of it. */
      readonly sharedOrigin: boolean;
    }
  | { readonly kind: 'unknown'; readonly wanted: string | undefined }
  | { readonly kind: 'foreignHost'; readonly host: string };

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Finds the application of a request: `<application>.<project>.localhost`, or `/apps/<project>/<application>/…` under a
 * loopback name. Any other host name is a page of somebody else's that resolves to us (DNS rebinding).
 */
export function matchRequest(table: RouteTable, hostHeader: string | undefined, url: string): Match {
  const host = (hostHeader ?? '').toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
  const named = /^([a-z0-9-]+)\.([a-z0-9-]+)\.localhost$/.exec(host);
  if (named !== null) {
    const [, name = '', project = ''] = named;
    return found(table, project, name, url, false);
  }
  if (!loopbackNames.has(host)) return { kind: 'foreignHost', host };
  const path = /^\/apps\/([a-z0-9-]+)\/([a-z0-9-]+)(\/.*|\?.*)?$/.exec(url);
  if (path === null) return { kind: 'unknown', wanted: undefined };
  const [, project = '', name = '', rest = ''] = path;
  return found(table, project, name, rest.startsWith('/') ? rest : `/${rest}`, true);
}

function found(table: RouteTable, project: string, name: string, path: string, sharedOrigin: boolean): Match {
  const route = table.applications.find((entry) => entry.project === project && entry.name === name);
  if (route === undefined) return { kind: 'unknown', wanted: `${name} of project ${project}` };
  return { kind: 'application', route, path, sharedOrigin };
}
