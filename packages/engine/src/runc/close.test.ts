import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRuncUnderTest, runcUnavailable, type RuncUnderTest } from '../contract/runc-under-test.ts';

const unavailable = runcUnavailable();

describe.skipIf(unavailable !== undefined)(`an engine that is closed (${unavailable ?? 'runc'})`, () => {
  let under: RuncUnderTest;
  beforeAll(async () => {
    under = await openRuncUnderTest();
  });
  afterAll(() => under.dispose());

  it('keeps the runtime folder while a workload needs it, and takes it away after the last one', async () => {
    await under.engine.ensure(under.workload('stays', 'import time; time.sleep(60)'));
    const engine = await under.reopen();
    expect(await engine.observe('stays')).toMatchObject({ phase: 'running' });
    await engine.remove('stays', 0);
    await engine.close();
    expect(readdirSync(under.runtimeBase)).toEqual([]);
  });

  it('opens again where nothing was left', async () => {
    const engine = await under.reopen();
    const status = await engine.ensure(under.workload('again', 'import time; time.sleep(60)'));
    expect(status).toMatchObject({ phase: 'running' });
  });
});
