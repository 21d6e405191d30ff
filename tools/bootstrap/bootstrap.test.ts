import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

/** A program that runs beside this one, with what it has printed so far. */
interface Running {
  readonly pid: number;
  readonly exited: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
  printed(): string;
  /** Resolves as soon as `text` has been printed; rejects when the program ends before. */
  prints(text: string): Promise<void>;
}

function start(cwd: string, ...args: string[]): Running {
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const waiting = new Set<() => void>();
  const changed = (): void => waiting.forEach((look) => look());
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      changed();
    });
  }
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return {
    pid: child.pid ?? 0,
    exited,
    kill: (signal) => child.kill(signal),
    printed: () => output,
    prints: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (output.includes(text)) resolve();
        };
        waiting.add(look);
        look();
        void exited.then(() => reject(new Error(`ended without printing "${text}": ${output}`)));
      }),
  };
}

/** A folder that looks like a checkout and has nothing but the bootstrap in it. */
function checkout(): string {
  const root = mkdtempSync(join(tmpdir(), 'galley-bootstrap-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  cpSync(import.meta.dirname, join(root, 'tools/bootstrap'), { recursive: true });
  return root;
}

/** Runs a module's text that may import the bootstrap's files. */
function runModule(root: string, text: string): Running {
  return start(root, '--input-type=module', '--eval', text);
}

const holdLock = `
  import { withLock } from './tools/bootstrap/lock.mjs';
  await withLock(process.cwd(), new AbortController().signal, async () => {
    console.log('has the lock');
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
`;

test("an unknown task is the user's mistake, and the tasks that exist are named", async () => {
  const run = start(checkout(), 'tools/bootstrap/main.mjs', 'fly');
  expect(await run.exited).toBe(2);
  expect(run.printed()).toContain(
    'There is no task "fly".\nTasks: start, test, test:long, bench, bench:drift, check.',
  );
});

test('one bootstrap waits for another, says for whom, and goes on when that one is killed', async () => {
  const root = checkout();
  const holder = runModule(root, holdLock);
  await holder.prints('has the lock');
  const waiter = runModule(root, holdLock);
  await waiter.prints(`waiting for the installation by process ${holder.pid}`);
  expect(waiter.printed()).not.toContain('has the lock');
  holder.kill('SIGKILL');
  await waiter.prints('has the lock');
});

test('two checkouts do not wait for each other', async () => {
  const [one, other] = [runModule(checkout(), holdLock), runModule(checkout(), holdLock)];
  await Promise.all([one.prints('has the lock'), other.prints('has the lock')]);
});

test('what is missing is installed in order and once; what is there is left alone', async () => {
  const root = checkout();
  const run = runModule(
    root,
    `
    import { existsSync, writeFileSync } from 'node:fs';
    import { ensure } from './tools/bootstrap/ensure.mjs';
    const need = (name) => ({
      title: name,
      missing: () => !existsSync(name),
      async install({ run }) { await run({ title: name, command: ['touch', name] }); console.log('installed', name); },
    });
    writeFileSync('b', '');
    await ensure(process.cwd(), [need('a'), need('b'), need('c')], new AbortController().signal);
    await ensure(process.cwd(), [need('a'), need('b'), need('c')], new AbortController().signal);
    `,
  );
  expect(await run.exited).toBe(0);
  expect(run.printed().match(/installed \w/g)).toEqual(['installed a', 'installed c']);
});

test('a step that fails shows its output, the fix and the command, and one that is stopped says so', async () => {
  const root = checkout();
  const run = runModule(
    root,
    `
    import { step } from './tools/bootstrap/step.mjs';
    const stop = new AbortController();
    const options = { cwd: '.', signal: stop.signal };
    const failing = ['sh', '-c', 'echo no such host; exit 7'];
    await step({ ...options, title: 'fetch', command: failing, fix: 'Plug it in.', retry: 'npm ci' }).catch((error) => {
      console.log(error.exitCode, error.text());
    });
    const waiting = step({ ...options, title: 'wait', command: ['sleep', '60'] });
    stop.abort('SIGTERM');
    await waiting.catch((error) => console.log(error.exitCode, error.text()));
    `,
  );
  expect(await run.exited).toBe(0);
  expect(run.printed()).toContain(
    '3 no such host\n\ngalley: fetch: sh ended with 7.\nPlug it in.\n\n    npm ci\n',
  );
  expect(run.printed()).toContain('143 galley: stopped by SIGTERM; the next run goes on from here.');
});

test('npm packages are missing until what is installed is what the lock fixes', async () => {
  const root = checkout();
  const bin = join(root, `node_modules/node-linux-${process.arch}/bin`);
  mkdirSync(bin, { recursive: true });
  const lock = (version: string, optional = true): string =>
    JSON.stringify({
      packages: {
        '': {},
        'node_modules/a': { version },
        ...(optional ? { 'node_modules/b': { version, optional } } : {}),
      },
    });
  writeFileSync(join(root, 'package-lock.json'), lock('2.0.0'));
  const missing = async (): Promise<string> => {
    const run = runModule(
      root,
      `import { nodePackages } from './tools/bootstrap/node-packages.mjs';
       console.log(nodePackages(process.cwd()).missing());`,
    );
    await run.exited;
    return run.printed().trim();
  };
  expect(await missing()).toBe('true');
  writeFileSync(join(bin, 'node'), '');
  writeFileSync(join(root, 'node_modules/.package-lock.json'), lock('1.0.0'));
  expect(await missing()).toBe('true');
  writeFileSync(join(root, 'node_modules/.package-lock.json'), lock('2.0.0', false));
  expect(await missing()).toBe('false');
});

test('every Python package is fixed to an exact version', () => {
  const lines = readFileSync(join(import.meta.dirname, 'python-requirements.txt'), 'utf8')
    .trim()
    .split('\n');
  const loose = lines.filter((line) => !line.startsWith('#') && !/^[\w.-]+==[\w.+!]+( ; .+)?$/.test(line));
  expect(loose).toEqual([]);
});
