import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, fetch as undiciFetch } from 'undici';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Emit } from '@galley/api/event';
import { createClient, type Client } from '@galley/api/http/client';
import { launchServer } from './launch.ts';
import { findServer, type RunningServer } from './running-server.ts';

export interface ConnectOptions {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Connects once to the server that owns the home; later calls give the same client. */
export function createConnect(options: ConnectOptions): (how?: { start?: boolean }) => Promise<Client> {
  let client: Promise<Client> | undefined;
  return ({ start = false } = {}) => {
    client ??= connect(options, start).catch((error: unknown) => {
      client = undefined;
      throw error;
    });
    return client;
  };
}

async function connect(options: ConnectOptions, start: boolean): Promise<Client> {
  const running = await findServer(options.home);
  if (running !== undefined) return clientOf(options.home, running);
  if (!start) {
    throw new GalleyError('SERVER_NOT_RUNNING', `No server runs for ${options.home}.`, {
      hint: 'galley server start, or galley deploy, which starts one.',
      details: { home: options.home },
    });
  }
  return clientOf(options.home, await launchServer(options));
}

/** A client that trusts the home's own certificate authority and nothing else. */
export async function clientOf(home: string, server: RunningServer): Promise<Client> {
  const [token, ca] = await Promise.all([
    readFile(join(home, server.tokenFile), 'utf8'),
    readFile(join(home, server.caFile), 'utf8'),
  ]);
  const dispatcher = new Agent({ connect: { ca }, headersTimeout: 0, bodyTimeout: 0 });
  return createClient({
    baseUrl: server.api,
    token: token.trim(),
    // undici's own fetch takes a dispatcher; its types and the platform's describe the same classes twice.
    fetch: (url, init) => undiciFetch(url, { ...init, dispatcher } as Parameters<typeof undiciFetch>[1]),
  });
}
