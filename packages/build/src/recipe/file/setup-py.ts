import { fileURLToPath } from 'node:url';
import { hostEnvironment } from '../../command/host-environment.ts';
import { findPython } from '../../command/host-programs.ts';
import { runCommand } from '../../command/run-command.ts';
import type { SourceTree } from '../../source/source-tree.ts';
import { textOf } from './pyproject.ts';

/** What setup.py and setup.cfg say as plain text. */
export interface SetupFacts {
  readonly name: string | undefined;
  /** Undefined: computed, so that only a build finds them. */
  readonly dependencies: readonly string[] | undefined;
  readonly extras: Readonly<Record<string, readonly string[]>>;
  readonly python: string | undefined;
}

const script = fileURLToPath(new URL('./read_setup.py', import.meta.url));

/** Reads setup.py and setup.cfg of a folder without running them: parsed by the host's Python in a process with bounded time and memory. */
export async function readSetup(
  tree: SourceTree,
  folder: string,
  signal?: AbortSignal,
): Promise<SetupFacts | undefined> {
  const files: Record<string, string> = {};
  for (const name of ['setup.py', 'setup.cfg']) {
    const file = tree.find(folder === '' ? name : `${folder}/${name}`);
    if (file !== undefined) files[name] = (await tree.read(file, 1024 * 1024)).toString('utf8');
  }
  if (Object.keys(files).length === 0) return undefined;
  const result = await runCommand([(await findPython()) ?? 'python3', '-I', script], {
    env: hostEnvironment(),
    input: JSON.stringify(files),
    signal,
    timeoutMs: 30_000,
  });
  if (result.exitCode !== 0)
    return { name: undefined, dependencies: undefined, extras: {}, python: undefined };
  // Written by our own script a moment ago; the values in it are the repository's.
  const { values, computed, errors } = JSON.parse(result.stdout.toString('utf8')) as {
    values: Readonly<Record<string, unknown>>;
    computed: readonly string[];
    errors: readonly string[];
  };
  const unknown = computed.includes('install_requires') || errors.length > 0;
  const extras = values['extras_require'];
  return {
    name: textOf(values['name']),
    dependencies: unknown ? undefined : linesOf(values['install_requires'] ?? []),
    extras:
      typeof extras === 'object' && extras !== null
        ? Object.fromEntries(Object.entries(extras).map(([key, value]) => [key, linesOf(value) ?? []]))
        : {},
    python: textOf(values['python_requires']),
  };
}

/** A list of texts, or one text with a requirement a line: setuptools takes both. */
function linesOf(value: unknown): readonly string[] | undefined {
  const items = typeof value === 'string' ? value.split('\n') : value;
  if (!Array.isArray(items) || !items.every((item) => typeof item === 'string')) return undefined;
  return items.map((item) => item.trim()).filter((item) => item !== '' && !item.startsWith('#'));
}
