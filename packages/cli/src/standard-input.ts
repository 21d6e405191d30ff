import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { GalleyError } from '@galley/api/error/galley-error';

/** All of a stream; for values and rows that are piped in. */
export async function readAll(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  // A stream without an encoding gives buffers.
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

/** The terminal that a person sits at. */
export interface Terminal {
  readonly stdin: ReadStream;
  write(text: string): unknown;
  /** Ctrl-C, which a terminal in raw mode gives as a key and not as a signal. */
  interrupt(): void;
}

/** A value that nobody may see: one line, asked for without an echo, where a person sits at the terminal, else everything that is piped in. */
export async function readHidden(terminal: Terminal, prompt: string): Promise<Buffer> {
  if (!terminal.stdin.isTTY) return readAll(terminal.stdin);
  // readline echoes by writing to its output, and this one shows nothing.
  const mute = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: terminal.stdin, output: mute, terminal: true });
  terminal.write(prompt);
  try {
    const lines: string[] = [];
    // What is pasted comes in one piece, and all its lines before anybody hears of the first.
    reader.on('line', (line) => lines.push(line));
    await new Promise<void>((resolve, reject) => {
      reader.once('line', () => resolve());
      reader.once('SIGINT', () => {
        terminal.interrupt();
        reject(new Error('interrupted'));
      });
      // Ctrl-D.
      reader.once('close', () => resolve());
    });
    if (lines.length > 1 || reader.line !== '') {
      throw new GalleyError(
        'USAGE',
        'A value of several lines cannot be typed: it would end at its first line.',
        {
          hint: 'Put it into a file and give that: --file PATH',
        },
      );
    }
    return Buffer.from(lines[0] ?? '');
  } finally {
    reader.close();
    terminal.write('\n');
  }
}
