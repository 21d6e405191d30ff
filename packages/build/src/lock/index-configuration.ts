import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { runUv } from './uv.ts';

/** Where packages come from on this machine. Addresses may hold credentials: they stay on the host and out of every record. */
export interface IndexConfiguration {
  /** The simple repository (PEP 503) that is asked first. */
  readonly url: string;
  readonly extra: readonly string[];
  /** The index that pip and uv ask when nothing is configured: a repository that names it means nothing special. */
  readonly standard: () => Promise<string>;
}

/**
 * The package indexes of this machine, as pip and uv are configured: uv's variables, pip's variables, pip's files, uv's own default.
 * A repository has no say in it (dependency confusion, builders.md §8.4).
 */
export async function readIndexConfiguration(
  uv: string,
  options: {
    readonly cacheDir: string;
    readonly env?: NodeJS.ProcessEnv;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<IndexConfiguration> {
  const env = options.env ?? process.env;
  const file = await readPipFiles(env);
  const said = (...values: readonly (string | undefined)[]): string =>
    values.find((value) => value !== undefined && value.trim() !== '')?.trim() ?? '';
  const url = said(env['UV_DEFAULT_INDEX'], env['UV_INDEX_URL'], env['PIP_INDEX_URL'], file['index-url']);
  const extra = said(
    env['UV_INDEX'],
    env['UV_EXTRA_INDEX_URL'],
    env['PIP_EXTRA_INDEX_URL'],
    file['extra-index-url'],
  );
  const standard = (): Promise<string> => uvDefault(uv, options);
  return {
    standard,
    url: url === '' ? await standard() : url.replace(/^[A-Za-z0-9_-]+=(?=https?:)/, ''),
    extra: extra === '' ? [] : extra.split(/\s+/),
  };
}

/** uv's variables for a configuration. */
export function indexEnvironment(
  index: Pick<IndexConfiguration, 'url' | 'extra'>,
): Readonly<Record<string, string>> {
  return {
    UV_DEFAULT_INDEX: index.url,
    ...(index.extra.length === 0 ? {} : { UV_INDEX: index.extra.join(' ') }),
  };
}

/** uv names its default in its help; asking it is better than knowing it twice. */
async function uvDefault(
  uv: string,
  options: { readonly cacheDir: string; readonly signal?: AbortSignal | undefined },
): Promise<string> {
  const help = await runUv(uv, ['pip', 'compile', '--help'], {
    cwd: '/',
    cacheDir: options.cacheDir,
    env: {},
    signal: options.signal,
  });
  return (
    /--default-index[\s\S]*?by default:\s*<?(https:\/\/[^\s>)`]+)/.exec(help.stdout.toString('utf8'))?.[1] ??
    ''
  );
}

async function readPipFiles(env: NodeJS.ProcessEnv): Promise<Readonly<Record<string, string>>> {
  const home = env['HOME'] ?? homedir();
  const own = env['PIP_CONFIG_FILE'];
  const files = [
    '/etc/pip.conf',
    join(home, '.pip/pip.conf'),
    join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'pip/pip.conf'),
    ...(own === undefined || own === '' ? [] : [own]),
  ];
  const values: Record<string, string> = {};
  for (const file of files) Object.assign(values, parsePipFile(await readFile(file, 'utf8').catch(() => '')));
  return values;
}

/** Sections `global` and `install` of a pip.conf; a value may go on over indented lines. */
export function parsePipFile(text: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  let section = '';
  let key = '';
  for (const line of text.split(/\r?\n/)) {
    const heading = /^\[(.+)\]\s*$/.exec(line);
    const pair = /^([A-Za-z-]+)\s*[=:]\s*(.*)$/.exec(line);
    if (heading !== null) section = heading[1] ?? '';
    else if (section !== 'global' && section !== 'install') continue;
    else if (pair !== null) {
      key = pair[1] ?? '';
      values[key] = (pair[2] ?? '').trim();
    } else if (/^\s+\S/.test(line) && key !== '') values[key] = `${values[key] ?? ''} ${line.trim()}`.trim();
  }
  return values;
}
