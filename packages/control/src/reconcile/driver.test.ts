import { expect, test } from 'vitest';
import { backOffMs, restartBackOff } from './back-off.ts';
import { DrivenClock } from './driven-clock.ts';
import { Driver, type Reconcile } from './driver.ts';

function newDriver(reconcile: Reconcile, concurrency = 2) {
  const clock = new DrivenClock();
  const errors: string[] = [];
  const driver = new Driver({
    clock,
    concurrency,
    onError: (_controller, key, error) => errors.push(`${key}: ${String(error)}`),
  });
  driver.register('Thing', reconcile);
  return { clock, driver, errors };
}

/** Lets every promise that can go on go on. */
async function settle(driver: Driver): Promise<void> {
  for (let turn = 0; turn < 1000 && !driver.quiet; turn += 1) await new Promise(setImmediate);
}

test('signals for one key while it waits make one run', async () => {
  const runs: string[] = [];
  const { driver } = newDriver(async (key) => void runs.push(key), 1);
  for (const key of ['a', 'b', 'b', 'b', 'c']) driver.signal('Thing', key);
  await settle(driver);
  expect(runs).toEqual(['a', 'b', 'c']);
});

test('a signal during a run makes one more run, never two at once', async () => {
  let inside = 0;
  let runs = 0;
  const release: (() => void)[] = [];
  const { driver } = newDriver(async () => {
    inside += 1;
    expect(inside).toBe(1);
    runs += 1;
    if (runs === 1) await new Promise<void>((resolve) => release.push(resolve));
    inside -= 1;
  });
  driver.signal('Thing', 'a');
  driver.signal('Thing', 'a');
  driver.signal('Thing', 'a');
  release[0]?.();
  await settle(driver);
  expect(runs).toBe(2);
});

test('no more than the limit run at once', async () => {
  let inside = 0;
  let most = 0;
  const { driver } = newDriver(async () => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise(setImmediate);
    inside -= 1;
  }, 3);
  for (let key = 0; key < 20; key += 1) driver.signal('Thing', String(key));
  await settle(driver);
  expect(most).toBe(3);
});

test('a failure is tried again after a back-off that doubles, and a success starts over', async () => {
  const times: number[] = [];
  let failing = true;
  const { clock, driver, errors } = newDriver(async () => {
    times.push(clock.now());
    if (failing) throw new Error('not yet');
  });
  driver.signal('Thing', 'a');
  for (let step = 0; step < 4; step += 1) {
    await settle(driver);
    clock.advance((clock.nextAt ?? clock.now()) - clock.now());
  }
  await settle(driver);
  expect(times).toEqual([0, 500, 1500, 3500, 7500]);
  expect(errors).toHaveLength(5);
  expect(driver.lastRun('Thing', 'a')).toMatchObject({ failures: 5, error: 'not yet' });
  failing = false;
  clock.advance(60_000);
  await settle(driver);
  expect(driver.lastRun('Thing', 'a')?.failures).toBe(0);
  expect(clock.nextAt).toBeUndefined();
});

test('a run may ask for the next one by time', async () => {
  let runs = 0;
  const { clock, driver } = newDriver(async () => {
    runs += 1;
    return { requeueAfterMs: 1000 };
  });
  driver.signal('Thing', 'a');
  await settle(driver);
  clock.advance(999);
  await settle(driver);
  expect(runs).toBe(1);
  clock.advance(1);
  await settle(driver);
  expect(runs).toBe(2);
});

test('closing aborts what runs, waits for it, and starts nothing more', async () => {
  let aborted = false;
  const { driver } = newDriver(async (_key, signal) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    aborted = true;
  }, 1);
  driver.signal('Thing', 'a');
  driver.signal('Thing', 'b');
  await driver.close();
  expect(aborted).toBe(true);
  driver.signal('Thing', 'c');
  expect(driver.quiet).toBe(true);
});

test('replicas are restarted as the kubelet does it: 10 s doubling to 5 min', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 50].map((failures) => backOffMs(restartBackOff, failures))).toEqual([
    0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000,
  ]);
});
