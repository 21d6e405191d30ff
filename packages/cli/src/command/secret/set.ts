import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { textOption } from '../../program.ts';
import type { Command, Context, Input } from '../command.ts';

export const command: Command = {
  summary: 'Set a secret; its value is typed, piped in or read from a file',
  description:
    'At a terminal the value is asked for and not shown. It is never an argument: other users of the machine can read arguments. One line break at its end is taken off. An application uses it when galley.yaml says so: secrets: [{name: NAME, as: file}], at /run/secrets/NAME, or as: env.',
  examples: [
    'galley secret set weather-key',
    'printf %s "$TOKEN" | galley secret set WEATHER_TOKEN',
    'galley secret set warehouse --file key.pem',
  ],
  arguments: [{ name: 'NAME', description: 'the secret', completes: 'secret' }],
  options: [{ flags: '--file <PATH>', description: 'read the value from this file' }],
  async run(input, context) {
    const [name = ''] = input.args;
    const value = textOf(name, await readValue(name, input, context)).replace(/\r?\n$/, '');
    if (value === '') {
      throw new GalleyError('USAGE', `The value of secret ${name} is empty.`, {
        hint: `printf %s "$VALUE" | galley secret set ${name}`,
      });
    }
    const client = await context.connect({ start: true });
    const info = await client.call('secretPut', {
      params: { project: context.project, name },
      body: { value },
    });
    return { text: `Secret ${name} is set (${info.bytes} bytes).`, value: info, names: [`secret/${name}`] };
  },
};

async function readValue(name: string, input: Input, context: Context): Promise<Uint8Array> {
  const file = textOption(input, 'file');
  if (file === undefined) return context.hiddenInput(`Value of ${name} (not shown): `);
  const path = resolve(context.cwd, file);
  return readFile(path).catch((cause: unknown) => {
    throw new GalleyError('USAGE', `${path} can't be read.`, { hint: 'Check the path after --file.', cause });
  });
}

/** Other bytes would be replaced on the way, and nobody would notice before the service failed. */
function textOf(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new GalleyError('USAGE', `The value of secret ${name} is not text in UTF-8.`, {
      hint: `Store it encoded, and decode it where it is used: base64 -w0 FILE | galley secret set ${name}`,
      cause,
    });
  }
}
