import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRuncUnderTest, runcUnavailable, type RuncUnderTest } from '../contract/runc-under-test.ts';
import { mountsBelow } from './rootfs/unmount.ts';

const unavailable = runcUnavailable();

/** Command lines of processes that name the folder, as `ps` shows them. */
function processesOf(folder: string): readonly string[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    try {
      const command = readFileSync(join('/proc', name, 'cmdline'), 'utf8').replaceAll('\0', ' ');
      return command.includes(folder) && !command.includes('createRuncEngine') ? [command] : [];
    } catch {
      return [];
    }
  });
}

describe.skipIf(unavailable !== undefined)(
  `an owner that is killed while it starts a workload (${unavailable ?? 'runc'})`,
  () => {
    let under: RuncUnderTest;
    beforeAll(async () => {
      under = await openRuncUnderTest();
      // Unpacks the layers, so that what is killed below is the start itself.
      await under.engine.ensure(under.workload('first', 'pass'));
      await under.engine.remove('first', 0);
    });
    afterAll(() => under.dispose());

    /** Starts `id` in a process of its own, which is killed so long after its first helper program was seen. */
    async function ensureUntilKilled(id: string, afterMs: number): Promise<void> {
      await under.engine.close();
      const at = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
      const program = `
      import { createRuncEngine } from ${at('./create-runc-engine.ts')};
      import { openLayoutStore } from ${at('../../../image/src/layout-store.ts')};
      const store = await openLayoutStore(${JSON.stringify(under.store.root)});
      const options = ${JSON.stringify({ root: under.root, runtimeBase: under.runtimeBase })};
      const engine = await createRuncEngine({ ...options, store });
      await engine.ensure(${JSON.stringify(under.workload(id, 'import time; time.sleep(600)'))});
      setInterval(() => {}, 1000);`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
      const gone = once(child, 'exit');
      while (processesOf(under.runtimeBase).length === 0 && child.exitCode === null) await delay(1);
      await delay(afterMs);
      child.kill('SIGKILL');
      // One that ended by itself has started nothing, and would leave nothing either.
      expect(await gone).toEqual([null, 'SIGKILL']);
    }

    it.each([0, 15, 40, 80, 150])(
      'leaves nothing that the next one does not find, %d ms after the first helper',
      async (afterMs) => {
        const id = `killed-${afterMs}`;
        await ensureUntilKilled(id, afterMs);
        const engine = await under.reopen();
        const status = await engine.observe(id);
        // Begun is adopted, not begun is erased: nothing in between.
        expect([undefined, 'running']).toContain(status?.phase);
        await engine.remove(id, 0);
        expect(processesOf(under.runtimeBase)).toEqual([]);
        expect(await mountsBelow(under.runtimeBase)).toEqual([]);
        await engine.close();
        expect(readdirSync(under.runtimeBase)).toEqual([]);
      },
    );
  },
);
