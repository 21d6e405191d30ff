import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRuncUnderTest, runcUnavailable, type RuncUnderTest } from '../contract/runc-under-test.ts';
import { layoutOf } from './layout.ts';

const unavailable = runcUnavailable();

describe.skipIf(unavailable !== undefined)(
  `a workload that is removed while it runs (${unavailable ?? 'runc'})`,
  () => {
    let under: RuncUnderTest;
    beforeAll(async () => {
      under = await openRuncUnderTest();
    });
    afterAll(() => under.dispose());

    it('does not come back when its end is seen late', async () => {
      await under.engine.ensure(under.workload('gone', 'import time; time.sleep(60)'));
      const exit = join(layoutOf(under.root, under.runtimeBase).exits, 'gone');
      const removing = under.engine.remove('gone', 0);
      // What the watcher of exit files sees while a removal is under way is looked at after it.
      writeFileSync(exit, '');
      utimesSync(exit, 1, 1);
      await removing;
      const engine = await under.reopen();
      expect(await engine.list()).toEqual([]);
    });
  },
);
