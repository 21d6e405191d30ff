import { chmodSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';

/** Where things lie in GALLEY_HOME. Every path is absolute. */
export interface HomeLayout {
  readonly root: string;
  /** Objects and records. */
  readonly database: string;
  /** The lock of the one owner. */
  readonly lock: string;
  /** Says where the owner's API and gateway are. */
  readonly serverFile: string;
  readonly token: string;
  readonly secretKey: string;
  readonly tls: string;
  readonly images: string;
  readonly cache: string;
  readonly engine: string;
  /** Written by the operator: private addresses that workloads may be allowed to reach, a `host:port` a line. */
  readonly privateHosts: string;
  /** Routing file, admin socket and log of the gateway. */
  readonly gateway: string;
  /** Faults and failed reconciles, a JSON line each. */
  readonly log: string;
  /** The key that images are signed with, once there is one. */
  readonly signing: string;
  /** Sessions of `galley lab`: their engine, and what lasts of each folder. */
  readonly lab: string;
}

/** The GALLEY_HOME that an environment names; default `/var/lib/galley` for root, else the XDG data directory (DESIGN.md §7). */
export function galleyHome(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  const named = env['GALLEY_HOME'];
  if (named !== undefined && named !== '') return resolve(named);
  if (uid === 0) return '/var/lib/galley';
  const data = env['XDG_DATA_HOME'];
  // The XDG base directory specification: a relative path is to be ignored.
  if (data !== undefined && data.startsWith('/')) return join(data, 'galley');
  const home = env['HOME'];
  if (home === undefined || home === '') {
    throw new GalleyError('HOME_INVALID', 'Neither GALLEY_HOME, XDG_DATA_HOME nor HOME is set.', {
      hint: 'export GALLEY_HOME=/path/to/a/folder',
    });
  }
  return join(home, '.local', 'share', 'galley');
}

export function homeLayout(root: string): HomeLayout {
  const at = (name: string) => join(root, name);
  return {
    root,
    database: at('galley.db'),
    lock: at('owner.lock'),
    serverFile: at('server.json'),
    token: at('token'),
    secretKey: at('secret.key'),
    tls: at('tls'),
    images: at('images'),
    cache: at('cache'),
    engine: at('engine'),
    privateHosts: at('private-hosts'),
    gateway: at('gateway'),
    log: at('control.log'),
    signing: at('signing'),
    lab: at('lab'),
  };
}

/**
 * Makes the folder and what control needs in it. 0711: the gateway and workloads run under other ids and must reach
 * their own sockets below it; what is private in it is 0600 or lies in a folder that is 0700.
 */
export function makeHome(root: string): HomeLayout {
  const layout = homeLayout(root);
  try {
    mkdirSync(root, { recursive: true, mode: 0o711 });
    chmodSync(root, 0o711);
    mkdirSync(layout.tls, { recursive: true, mode: 0o700 });
    mkdirSync(layout.gateway, { recursive: true, mode: 0o755 });
    mkdirSync(layout.cache, { recursive: true, mode: 0o711 });
  } catch (error) {
    throw new GalleyError('HOME_INVALID', `The folder ${root} cannot be used as GALLEY_HOME.`, {
      hint: 'export GALLEY_HOME=/path/to/a/folder that you may write',
      cause: error,
    });
  }
  return layout;
}
