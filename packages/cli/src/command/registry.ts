import { readdir, stat } from 'node:fs/promises';
import type { Command } from './command.ts';

/** A command with the words that call it: `['image', 'list']`. */
export interface Entry {
  readonly words: readonly string[];
  readonly command: Command;
}

/** Nouns and what they are about, for `galley <noun> --help`. */
export const nouns: Readonly<Record<string, string>> = {
  bundle: 'Repositories in one file, to be built without a network',
  image: 'Images in the store',
  s2i: 'Builder images of source-to-image, with its own command line',
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

/**
 * The one command that the words call, without loading the others (starting is then twice as fast); undefined when they call none,
 * or ask for help about several.
 */
export async function findCommand(words: readonly string[]): Promise<Entry | undefined> {
  const [first = '', second = ''] = words;
  const called = first in nouns ? [first, second] : [first];
  if (!called.every((word) => /^[a-z0-9]+$/.test(word))) return undefined;
  const file = new URL(`./${called.join('/')}.ts`, import.meta.url);
  const known = !notCommands.has(`${called.join('/')}.ts`) && (await isFile(file));
  return known ? load(called) : undefined;
}

async function isFile(file: URL): Promise<boolean> {
  return stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
}

function isCommandFile(name: string): boolean {
  return name.endsWith('.ts') && !name.endsWith('.test.ts') && !notCommands.has(name);
}

async function load(words: readonly string[]): Promise<Entry> {
  const module = (await import(new URL(`./${words.join('/')}.ts`, import.meta.url).href)) as {
    command: Command;
  };
  return { words, command: module.command };
}
