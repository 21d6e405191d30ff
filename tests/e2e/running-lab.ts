import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { waitUntil } from './wait-until.ts';

const bin = fileURLToPath(new URL('../../bin/galley', import.meta.url));

/** A `galley lab` that a person has started, with its address. */
export interface RunningLab {
  readonly url: string;
  /** Runs code in a kernel of its own, as a notebook does, and gives what it printed; its error where it raised one. */
  run(code: string): Promise<string>;
  /** Ctrl-C, and what the command said at its end. */
  stop(): Promise<{ readonly exitCode: number | null; readonly said: string }>;
}

/** A cold build, unpacking, and the first start of JupyterLab, on a machine that does other work too. */
const startsWithinMs = 20 * 60_000;

/** Types `galley lab` with these arguments and waits until it tells its address. Rejects when it ends before that. */
export async function startLab(home: string, args: readonly string[]): Promise<RunningLab> {
  const env = { ...process.env, GALLEY_HOME: home, NO_COLOR: '1' };
  // A process group of its own, so that Ctrl-C reaches all of it as a terminal's does.
  const child = spawn(bin, ['lab', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const closed = once(child, 'close');
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += String(chunk)));
  const url = await waitUntil(
    'the lab tells its address',
    () => {
      if (child.exitCode !== null) throw new Error(`galley lab ended: ${said}`);
      return Promise.resolve(/http:\/\/127\.0\.0\.1:\d+\/lab\?token=\w+/.exec(said)?.[0]);
    },
    startsWithinMs,
  ).catch((error: unknown) => {
    if (child.exitCode === null) process.kill(-(child.pid ?? 0), 'SIGKILL');
    throw error;
  });
  return {
    url,
    run: (code) => runInKernel(new URL(url), code),
    async stop() {
      if (child.exitCode === null) process.kill(-(child.pid ?? 0), 'SIGINT');
      await closed;
      return { exitCode: child.exitCode, said };
    },
  };
}

/** The part of Jupyter's messages that is read here. */
interface KernelMessage {
  readonly parent_header: { readonly msg_id?: string };
  readonly msg_type: string;
  readonly content: {
    readonly text?: string;
    readonly status?: string;
    readonly traceback?: readonly string[];
  };
}

async function runInKernel({ origin, host, searchParams }: URL, code: string): Promise<string> {
  const token = searchParams.get('token') ?? '';
  const headers = { authorization: `token ${token}` };
  const made = await fetch(`${origin}/api/kernels`, { method: 'POST', headers, body: '{}' });
  const kernel = (await made.json()) as { id?: string; message?: string };
  if (kernel.id === undefined) throw new Error(`no kernel: ${kernel.message}`);
  const socket = new WebSocket(`ws://${host}/api/kernels/${kernel.id}/channels?token=${token}`);
  try {
    return await execute(socket, code);
  } finally {
    socket.close();
    await fetch(`${origin}/api/kernels/${kernel.id}`, { method: 'DELETE', headers });
  }
}

function execute(socket: WebSocket, code: string): Promise<string> {
  const id = crypto.randomUUID();
  const content = { code, silent: false, store_history: false, allow_stdin: false, stop_on_error: true };
  const header = {
    msg_id: id,
    msg_type: 'execute_request',
    version: '5.3',
    username: '',
    session: id,
    date: '',
  };
  let text = '';
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the kernel did not answer: ${text}`)), 300_000);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    socket.addEventListener('open', () =>
      socket.send(
        JSON.stringify({ header, content, parent_header: {}, metadata: {}, channel: 'shell', buffers: [] }),
      ),
    );
    socket.addEventListener('close', () => settle(() => reject(new Error(`the kernel left: ${text}`))));
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as KernelMessage;
      if (message.parent_header.msg_id !== id) return;
      if (message.msg_type === 'stream') text += message.content.text ?? '';
      if (message.msg_type === 'error') text += (message.content.traceback ?? []).join('\n');
      if (message.msg_type === 'execute_reply') settle(() => resolve(text));
    });
  });
}
