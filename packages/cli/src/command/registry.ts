import { readdir } from 'node:fs/promises';
import type { Command } from './command.ts';

/** A command with the words that call it: `['image', 'list']`. */
export interface Entry {
  readonly words: readonly string[];
  readonly command: Command;
}

/** Nouns and what they are about, for `galley <noun> --help`. */
export const nouns: Readonly<Record<string, string>> = {
  image: 'Images in the store',
  secret: 'Secrets of a project',
  server: 'The server that owns GALLEY_HOME',
};

/** Files of this folder that are no commands. */
const notCommands = new Set(['command.ts', 'registry.ts']);

/** Every command, in the order of their names. Found by listing the folder: no list has to be kept. */
export async function allCommands(): Promise<readonly Entry[]> {
  const here = new URL('./', import.meta.url);
  const entries: Entry[] = [];
  for (const name of (await readdir(here)).sort()) {
    if (isCommandFile(name)) entries.push(await load([name.slice(0, -3)]));
    else if (name in nouns) {
      for (const verb of (await readdir(new URL(`${name}/`, here))).sort()) {
        if (isCommandFile(verb)) entries.push(await load([name, verb.slice(0, -3)]));
      }
    }
  }
  return entries;
}

function isCommandFile(name: string): boolean {
  return name.endsWith('.ts') && !name.endsWith('.test.ts') && !notCommands.has(name);
}

async function load(words: readonly string[]): Promise<Entry> {
  const module = (await import(`./${words.join('/')}.ts`)) as { command: Command };
  return { words, command: module.command };
}
