import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allCommands } from '../../packages/cli/src/command/registry.ts';
import { galley } from './galley.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'galley-cli-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe('without a server', () => {
  test('help lists every command with what it is for', async () => {
    const { stdout, exitCode } = await galley(['--help'], { home });
    expect(exitCode).toBe(0);
    for (const { words } of await allCommands()) expect(stdout).toContain(words[0]);
  });

  test('an unknown command and an unknown flag are usage errors that say where help is', async () => {
    const command = await galley(['deplyo'], { home });
    expect(command.exitCode).toBe(2);
    expect(command.stderr).toMatch(/USAGE.*deplyo[\s\S]*deploy[\s\S]*Next: .*--help/);
    const flag = await galley(['status', '--colour'], { home });
    expect(flag.exitCode).toBe(2);
    expect(flag.stderr).toContain('--colour');
  });

  test('a command that needs the server says how to start one', async () => {
    const { stderr, exitCode } = await galley(['status'], { home });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/SERVER_NOT_RUNNING[\s\S]*galley server start/);
  });

  test('server status tells that none runs by its exit code and as JSON', async () => {
    const { stdout, exitCode } = await galley(['server', 'status', '-o', 'json'], { home });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toEqual({ running: false });
  });

  test('an empty store says what to do next', async () => {
    const { stdout, exitCode } = await galley(['image', 'list'], { home });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/No images yet\.\nNext: galley build/);
  });

  test('a name that is no DNS label is refused before anything starts', async () => {
    const { stderr, exitCode } = await galley(['deploy', 'examples/iris', '--name', 'My_Model'], { home });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/INVALID_NAME.*My_Model/);
    expect((await galley(['server', 'status'], { home })).exitCode).toBe(1);
  });

  test('an --allow that is no host and port is refused before anything is built', async () => {
    for (const command of ['build', 'deploy']) {
      const { stderr, exitCode } = await galley([command, 'examples/iris', '--allow', 'https://x.example'], {
        home,
      });
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/USAGE.*https:\/\/x\.example[^]*--allow data\.example\.org:443/);
    }
  });

  test('a secret without a value is refused', async () => {
    const { stderr, exitCode } = await galley(['secret', 'set', 'key'], { home, input: '' });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/USAGE.*key is empty/);
  });

  test('rows that are no JSON are refused with the form of a row', async () => {
    const { stderr, exitCode } = await galley(['predict', 'iris', '--json', '{oops'], { home });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/no JSON[\s\S]*\{"column"/);
  });

  test('init writes what it found, and never over a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'galley-init-'));
    await writeFile(
      join(folder, 'model.ipynb'),
      JSON.stringify({ cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 }),
    );
    const first = await galley(['init', folder], { home });
    expect(first.stdout).toContain('notebooks: ["model.ipynb"]');
    const second = await galley(['init', folder], { home });
    expect(second.exitCode).toBe(2);
    expect(second.stderr).toContain('--force');
    await rm(folder, { recursive: true });
  });

  test('completion knows every command', async () => {
    const { stdout } = await galley(['completion', 'bash'], { home });
    for (const { words } of await allCommands()) expect(stdout).toContain(`"${words.join(' ')}")`);
  });
});

test('every command has a summary, an example that starts with its own words, and flags that are spelt like flags', async () => {
  for (const { words, command } of await allCommands()) {
    expect(command.summary, words.join(' ')).toMatch(/^[A-Z].{5,90}[^.]$/);
    expect(
      command.examples.some((line) => line.includes(`galley ${words.join(' ')}`)),
      words.join(' '),
    ).toBe(true);
    for (const { flags } of command.options ?? [])
      expect(flags).toMatch(/^(-[a-zA-Z], )?--[a-z-]+( <[A-Z:=|]+>)?$/);
  }
});
