import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRuncUnderTest, runcUnavailable, type RuncUnderTest } from '../contract/runc-under-test.ts';

const unavailable = runcUnavailable();

/** conmon read its arguments in ASCII, and the umask took from directories what the container's ids need to pass them. */
const umask = process.umask(0o077);
let under: RuncUnderTest;

beforeAll(async () => {
  if (runcUnavailable() === undefined) under = await openRuncUnderTest({ prefix: 'galley-ünusual name-' });
});
afterAll(async () => {
  process.umask(umask);
  await under?.dispose();
});

test.skipIf(unavailable !== undefined)(
  `workloads start in a home with an umlaut and a blank, of a person whose umask is 077 (${unavailable ?? 'runc'})`,
  async () => {
    await under.engine.ensure(under.workload('unusual', 'print("here")'));
    await expect.poll(async () => (await under.engine.observe('unusual'))?.phase).toBe('succeeded');
    // A build step may write its root, as a user of the image.
    const step = under.workload('unusual-step', 'open("/made", "w").write("here")', { user: '0' });
    await under.engine.ensure({ ...step, rootfs: 'writable' });
    await expect.poll(async () => (await under.engine.observe('unusual-step'))?.phase).toBe('succeeded');
    // What a command writes for that person obeys it.
    expect(process.umask()).toBe(0o077);
  },
);
