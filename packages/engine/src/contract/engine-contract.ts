import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Digest } from '@galley/api/digest';
import type { Engine, LogLine, Workload, WorkloadStatus } from '../engine.ts';
import type { Behaviour } from './behaviour.ts';

/** An adapter under test. */
export interface EngineUnderTest {
  readonly engine: Engine;
  /** Of an image that the engine can run. */
  readonly image: Digest;
  /** The command that behaves so. */
  readonly command: (behaviour: Behaviour) => readonly string[];
  dispose(): Promise<void>;
}

export interface EngineContractOptions {
  readonly name: string;
  readonly newEngine: () => Promise<EngineUnderTest>;
  /** Set where this machine cannot offer the adapter: everything is reported as skipped, with this reason. */
  readonly unavailable?: string;
  /** Tests that an adapter cannot pass, and why. An unknown name fails the suite. */
  readonly skip: readonly { readonly reason: string; readonly tests: readonly string[] }[];
}

const deadlineMs = 20_000;

/** What a test gets. */
interface Context {
  readonly under: EngineUnderTest;
  readonly engine: Engine;
  readonly workload: (id: string, behaviour: Behaviour, more?: Partial<Workload>) => Workload;
  /** Waits until the status is as wished. Fails after 20 s. */
  readonly until: (id: string, wish: (status: WorkloadStatus) => boolean) => Promise<WorkloadStatus>;
  readonly ended: (id: string) => Promise<WorkloadStatus>;
  /** Waits for a line of the log. */
  readonly said: (id: string, line: string) => Promise<void>;
}

type ContractTest = (context: Context) => Promise<void>;

/** One suite for every adapter (DESIGN.md §3). Call it in the adapter's own test file. */
export function engineContract(options: EngineContractOptions): void {
  const skipped = new Map(
    options.skip.flatMap(({ reason, tests }) => tests.map((name) => [name, reason] as const)),
  );
  describe(`the engine ${options.name} keeps the contract`, () => {
    let under: EngineUnderTest | undefined;
    beforeAll(async () => {
      if (options.unavailable === undefined) under = await options.newEngine();
    });
    afterAll(async () => under?.dispose());

    test('its list of skipped tests names only tests that exist', () => {
      expect([...skipped.keys()].filter((name) => !(name in contractTests))).toEqual([]);
    });

    for (const [name, run] of Object.entries(contractTests)) {
      // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title -- names and assertions are in the table
      test(name, async ({ skip }) => {
        const reason = options.unavailable ?? skipped.get(name);
        if (reason !== undefined) return skip(reason);
        // Made in beforeAll unless unavailable.
        await run(contextOf(under as EngineUnderTest));
      });
    }
  });
}

function contextOf(under: EngineUnderTest): Context {
  const { engine } = under;
  const until: Context['until'] = async (id, wish) => {
    const signal = AbortSignal.timeout(deadlineMs);
    for await (const status of engine.watch(signal)) if (status.id === id && wish(status)) return status;
    throw new Error(`${id} did not come so far: ${JSON.stringify(await engine.observe(id))}`);
  };
  return {
    under,
    engine,
    until,
    ended: (id) => until(id, ({ phase }) => ['succeeded', 'failed', 'lost'].includes(phase)),
    async said(id, line) {
      const signal = AbortSignal.timeout(deadlineMs);
      for await (const found of engine.logs(id, { follow: true, signal })) if (found.text === line) return;
      throw new Error(`${id} did not say ${line}: ${JSON.stringify(await engine.observe(id))}`);
    },
    workload: (id, behaviour, more = {}) => ({
      id,
      project: 'contract',
      image: under.image,
      command: under.command(behaviour),
      env: {},
      rootfs: 'readonly',
      limits: { memoryBytes: 128 << 20, cpus: 1, pids: 64, openFiles: 256, diskBytes: 16 << 20 },
      files: {},
      secrets: {},
      tmpfs: [],
      ports: [],
      egress: { index: false, hosts: [] },
      labels: { suite: 'contract' },
      ...more,
    }),
  };
}

async function collect(lines: AsyncIterable<LogLine>): Promise<LogLine[]> {
  const all: LogLine[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

/** Entries of an output: content of files, `→ target` of links, `/` of directories. */
async function readTar(stream: Readable): Promise<Record<string, string>> {
  const entries: Record<string, string> = {};
  const reader = extract();
  stream.on('error', (error) => reader.destroy(error));
  stream.pipe(reader);
  for await (const entry of reader) {
    const { name, type, linkname } = entry.header;
    const content = await text(Readable.from(entry));
    entries[name] = type === 'symlink' ? `→ ${linkname ?? ''}` : type === 'directory' ? '/' : content;
  }
  return entries;
}

const contractTests: Record<string, ContractTest> = {
  'runs a workload to its end and reports success': async ({ engine, workload, ended }) => {
    const started = await engine.ensure(workload('ends-well', 'print'));
    expect(started).toMatchObject({ id: 'ends-well', labels: { suite: 'contract' } });
    const status = await ended('ends-well');
    expect(status).toMatchObject({ phase: 'succeeded', exitCode: 0, refusedHosts: [], reachedHosts: [] });
    expect(Date.parse(status.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(status.startedAt ?? ''));
    await engine.remove('ends-well', 0);
  },
  'reports the exit code of a failure': async ({ engine, workload, ended }) => {
    await engine.ensure(workload('fails', 'fail'));
    expect(await ended('fails')).toMatchObject({ phase: 'failed', reason: 'Error', exitCode: 3 });
    await engine.remove('fails', 0);
  },
  'is idempotent by id': async ({ engine, workload, ended }) => {
    const [first, second] = await Promise.all([
      engine.ensure(workload('twice', 'print')),
      engine.ensure(workload('twice', 'print')),
    ]);
    expect(second.specHash).toBe(first.specHash);
    await ended('twice');
    expect(await engine.ensure(workload('twice', 'print'))).toMatchObject({ phase: 'succeeded' });
    expect((await collect(engine.logs('twice'))).filter(({ text: line }) => line === 'one')).toHaveLength(1);
    await engine.remove('twice', 0);
  },
  'refuses another specification under one id': async ({ engine, workload, ended }) => {
    await engine.ensure(workload('taken', 'print'));
    const other = workload('taken', 'print', { env: { A: 'b' } });
    await expect(engine.ensure(other)).rejects.toMatchObject({ code: 'WORKLOAD_CONFLICT' });
    await ended('taken');
    await engine.remove('taken', 0);
  },
  'does not take a rotated secret for another specification': async ({ engine, workload, ended }) => {
    const before = await engine.ensure(
      workload('rotated', 'print', { secrets: { '/run/secrets/key': 'old' } }),
    );
    const after = await engine.ensure(
      workload('rotated', 'print', { secrets: { '/run/secrets/key': 'new' } }),
    );
    expect(after.specHash).toBe(before.specHash);
    await ended('rotated');
    await engine.remove('rotated', 0);
  },
  'refuses a workload that is not well-formed': async ({ engine, workload }) => {
    const wrong: Workload[] = [
      workload('Not-A-Label', 'print'),
      workload('ok', 'print', { project: '../up' }),
      workload('ok', 'print', { files: { '/galley/in/../../etc/shadow': '' } }),
      workload('ok', 'print', { secrets: { relative: '' } }),
      workload('ok', 'print', { tmpfs: ['/proc'] }),
      workload('ok', 'print', { egress: { index: false, hosts: ['no-port'] } }),
      workload('ok', 'print', { env: { 'A=B': '' } }),
    ];
    for (const one of wrong)
      await expect(engine.ensure(one)).rejects.toMatchObject({ code: 'WORKLOAD_INVALID' });
    expect(await engine.observe('ok')).toBeUndefined();
  },
  'knows nothing of a workload that does not exist': async ({ engine }) => {
    const missing = { code: 'WORKLOAD_NOT_FOUND' };
    expect(await engine.observe('nobody')).toBeUndefined();
    await expect(engine.dial('nobody', 8080)).rejects.toMatchObject(missing);
    await expect(engine.output('nobody')).rejects.toMatchObject(missing);
    await expect((async () => collect(engine.logs('nobody')))()).rejects.toMatchObject(missing);
    await engine.remove('nobody', 0);
  },
  'fails a workload whose image is missing': async ({ engine, workload }) => {
    const image: Digest = `sha256:${'0'.repeat(64)}`;
    const status = await engine.ensure(workload('no-image', 'print', { image, command: ['nothing'] }));
    expect(status).toMatchObject({ phase: 'failed', reason: 'ImageMissing' });
    await engine.remove('no-image', 0);
  },
  'gives the log in order, by stream, and from a time on': async ({ engine, workload, ended }) => {
    await engine.ensure(workload('prints', 'print'));
    await ended('prints');
    const lines = await collect(engine.logs('prints'));
    const of = (stream: string): string[] =>
      lines.filter((line) => line.stream === stream).map((line) => line.text);
    expect(of('stdout')).toEqual(['one', 'two']);
    expect(of('stderr')).toEqual(['three']);
    const since = lines[0]?.time ?? '';
    const rest = await collect(engine.logs('prints', { since }));
    expect(rest).toEqual(lines.filter((line) => line.time > since));
    expect(rest.length).toBeLessThan(3);
    await engine.remove('prints', 0);
  },
  'follows a log until the workload ends': async ({ engine, workload, said }) => {
    await engine.ensure(workload('followed', 'sleep'));
    await said('followed', 'ready');
    const rest = collect(engine.logs('followed', { follow: true, signal: AbortSignal.timeout(deadlineMs) }));
    await engine.remove('followed', 10_000);
    expect((await rest).map((line) => line.text)).toContain('stopping');
  },
  'stops following a log when it is told to': async ({ engine, workload, said }) => {
    await engine.ensure(workload('unfollowed', 'sleep'));
    await said('unfollowed', 'ready');
    const stop = new AbortController();
    const lines = collect(engine.logs('unfollowed', { follow: true, signal: stop.signal }));
    stop.abort();
    expect((await lines).length).toBeLessThanOrEqual(1);
    expect(await engine.observe('unfollowed')).toMatchObject({ phase: 'running' });
    await engine.remove('unfollowed', 0);
  },
  'joins the pieces of a long line': async ({ engine, workload, ended }) => {
    await engine.ensure(workload('long', 'long-line'));
    await ended('long');
    const lines = (await collect(engine.logs('long'))).map((line) => line.text);
    expect(lines).toEqual(['x'.repeat(200_000), 'end']);
    await engine.remove('long', 0);
  },
  'dials a port and the admin socket': async ({ engine, workload, said }) => {
    await engine.ensure(workload('serves', 'serve', { ports: [8080] }));
    await said('serves', 'ready');
    for (const port of [8080, 'admin'] as const) {
      const stream = await engine.dial('serves', port);
      stream.end('hello');
      expect(await text(stream)).toBe('HELLO');
    }
    await engine.remove('serves', 0);
  },
  'refuses to dial what is not offered, does not listen, is a link or no socket': async ({
    engine,
    workload,
    said,
  }) => {
    await engine.ensure(workload('trapped', 'trap', { ports: [8080, 8081, 8082] }));
    await said('trapped', 'ready');
    for (const port of [8080, 8081, 8082, 9999, 'admin'] as const) {
      await expect(engine.dial('trapped', port)).rejects.toMatchObject({
        code: 'DIAL_REFUSED',
      });
    }
    await engine.remove('trapped', 0);
  },
  'hands out what was written, links as links, as often as asked': async ({ engine, workload, ended }) => {
    await engine.ensure(workload('writes', 'output'));
    await ended('writes');
    const expected = { 'a.txt': 'alpha', 'dir/': '/', 'dir/b.txt': 'beta', link: '→ /etc/passwd' };
    for (let time = 0; time < 2; time++) {
      const entries = await readTar(await engine.output('writes'));
      expect(
        Object.fromEntries(
          Object.entries(entries).map(([k, v]) => [v === '/' ? `${k.replace(/\/$/, '')}/` : k, v]),
        ),
      ).toEqual(expected);
    }
    await engine.remove('writes', 0);
    await expect(engine.output('writes')).rejects.toMatchObject({ code: 'WORKLOAD_NOT_FOUND' });
  },
  'hands out nothing while the workload runs': async ({ engine, workload, said }) => {
    await engine.ensure(workload('unfinished', 'sleep'));
    await said('unfinished', 'ready');
    await expect(engine.output('unfinished')).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    await engine.remove('unfinished', 0);
  },
  'gives a workload its environment, files and secrets': async ({ engine, workload, ended }) => {
    const given = {
      env: { GREETING: 'good day' },
      files: { '/galley/in/plan.json': '{"plan": 1}' },
      secrets: { '/run/secrets/key': 'hunter2' },
    };
    await engine.ensure(workload('given', 'inputs', given));
    expect(await ended('given')).toMatchObject({ phase: 'succeeded' });
    const lines = (await collect(engine.logs('given'))).map((line) => line.text);
    expect(lines).toEqual(['good day', '{"plan": 1}', 'hunter2']);
    await engine.remove('given', 0);
  },
  'lets a workload end by itself when it is removed': async ({ engine, workload, said, until }) => {
    await engine.ensure(workload('polite', 'sleep'));
    await said('polite', 'ready');
    const end = until('polite', ({ phase }) => phase === 'succeeded');
    await engine.remove('polite', 15_000);
    expect(await end).toMatchObject({ exitCode: 0 });
    expect(await engine.observe('polite')).toBeUndefined();
  },
  'kills what does not end by itself, and removes it twice without harm': async ({
    engine,
    workload,
    said,
  }) => {
    await engine.ensure(workload('stubborn', 'stubborn'));
    await said('stubborn', 'ready');
    await engine.remove('stubborn', 50);
    await engine.remove('stubborn', 50);
    expect(await engine.observe('stubborn')).toBeUndefined();
    expect((await engine.list()).map((status) => status.id)).not.toContain('stubborn');
  },
  'takes an id again after its removal, even for something else': async ({ engine, workload, ended }) => {
    await engine.ensure(workload('again', 'fail'));
    await ended('again');
    await engine.remove('again', 0);
    await engine.ensure(workload('again', 'print'));
    expect(await ended('again')).toMatchObject({ phase: 'succeeded', exitCode: 0 });
    await engine.remove('again', 0);
  },
  'kills a workload whose time is over': async ({ engine, workload, ended }) => {
    await engine.ensure(workload('late', 'stubborn', { timeoutMs: 300 }));
    expect(await ended('late')).toMatchObject({ phase: 'failed', reason: 'Timeout', exitCode: 137 });
    await engine.remove('late', 0);
  },
  'watches from what there is to every end, until told to stop': async ({ engine, workload, ended }) => {
    await engine.ensure(workload('seen', 'print'));
    await ended('seen');
    const stop = new AbortController();
    const phases: string[] = [];
    for await (const status of engine.watch(stop.signal)) {
      if (status.id === 'seen' && phases.length === 0) {
        phases.push(status.phase);
        await engine.ensure(workload('seen-later', 'fail'));
      } else if (status.id === 'seen-later' && status.phase === 'failed') {
        phases.push(status.phase);
        stop.abort();
      }
    }
    expect(phases).toEqual(['succeeded', 'failed']);
    await engine.remove('seen', 0);
    await engine.remove('seen-later', 0);
  },
  'lists every workload': async ({ engine, workload, ended }) => {
    await engine.ensure(workload('listed', 'print'));
    await ended('listed');
    expect((await engine.list()).map((status) => status.id)).toEqual(['listed']);
    await engine.remove('listed', 0);
    expect(await engine.list()).toEqual([]);
  },
  'does not start when the caller has given up': async ({ engine, workload }) => {
    await expect(engine.ensure(workload('given-up', 'print'), AbortSignal.abort())).rejects.toThrow(
      'aborted',
    );
    expect(await engine.observe('given-up')).toBeUndefined();
  },
  'says how it isolates': async ({ engine }) => {
    expect(await engine.isolation()).toEqual({ tier: engine.name });
  },
  'counts what a workload uses': async ({ engine, workload, said }) => {
    await engine.ensure(workload('used', 'sleep'));
    await said('used', 'ready');
    const usage = await engine.usage?.('used');
    expect(usage?.memoryBytes).toBeGreaterThan(0);
    expect(usage?.memoryPeakBytes).toBeGreaterThanOrEqual(usage?.memoryBytes ?? Number.NaN);
    expect(usage?.cpuMs).toBeGreaterThan(0);
    expect(usage).toMatchObject({ restarts: 0, oomKills: 0 });
    await engine.remove('used', 0);
  },
};
