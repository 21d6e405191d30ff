import { setTimeout as sleep } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Client } from '@galley/api/http/client';
import { homeLayout } from '@galley/control/owner/home';
import { homeOwner } from '@galley/control/owner/lock';
import { withOwnBuild, type OwnBuild } from '@galley/control/own-build';
import type { Context } from '../command/command.ts';
import { findServer } from './running-server.ts';

/** One piece of work, by whoever may do it. */
export interface HomeWork<Result> {
  /** The server that owns the home does it. */
  readonly byServer: (client: Client) => Promise<Result>;
  /** Nobody owns the home: it is taken for so long. */
  readonly byMyself: (build: OwnBuild) => Promise<Result>;
}

const lookMs = 200;
/** A server that starts or stops takes as long as its gateway; one that holds the lock for longer without answering is broken. */
const serverWithinMs = 60_000;

/**
 * Does work that needs the home (DESIGN.md §3, "one owner"): through the server that owns it, else as its owner for so long. Another command
 * that owns it is waited for, so that of two builds of one repository the second finds what the first has made. Throws `HOME_IN_USE` when
 * a server has the home and does not answer. `command` is what others see of it.
 */
export async function withHome<Result>(
  context: Context,
  command: string,
  work: HomeWork<Result>,
): Promise<Result> {
  const { home, emit, signal, now } = context;
  const startedMs = now();
  let told = 0;
  for (;;) {
    if ((await findServer(home)) !== undefined) return work.byServer(await context.connect());
    let begun = false;
    try {
      return await withOwnBuild({ home, purpose: command, emit, signal, now }, (build) => {
        begun = true;
        return work.byMyself(build);
      });
    } catch (error) {
      const inUse = !begun && error instanceof GalleyError && error.code === 'HOME_IN_USE';
      const owner = homeOwner(homeLayout(home).lock);
      if (!inUse || (owner?.role === 'server' && now() - startedMs > serverWithinMs)) throw error;
      if (owner !== undefined && owner.pid !== told) {
        told = owner.pid;
        const step = `wait for the ${owner.role} of process ${owner.pid}`;
        emit({ object: 'home', phase: 'home', step, state: 'started', reason: `it owns ${home}` });
      }
    }
    await sleep(lookMs, undefined, { signal });
  }
}

/** Takes the home for work that no server does. Throws `HOME_IN_USE` when a server owns it. */
export function withOwnHome<Result>(
  context: Context,
  command: string,
  use: (build: OwnBuild) => Promise<Result>,
): Promise<Result> {
  return withHome(context, command, {
    byMyself: use,
    byServer: () => {
      const { home } = context;
      throw new GalleyError('HOME_IN_USE', `A server owns ${home}, and ${command} runs without one.`, {
        hint: `galley server stop frees the home; GALLEY_HOME=/other/folder ${command} uses another.`,
        details: { home },
      });
    },
  });
}
