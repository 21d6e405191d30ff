import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { GalleyError } from '@galley/api/error/galley-error';

/** The package indexes of this machine, as pip and uv would use them. */
export interface IndexConfiguration {
  /** Asked in this order; the first that knows a project answers, as uv does, so that a public name cannot shadow a private one. */
  readonly urls: readonly string[];
  /** File of certificates to trust, if pip is told of one. */
  readonly certificates: string | undefined;
}

const run = promisify(execFile);

/**
 * Reads the configuration of uv's environment variables and of pip (files and environment). Without any, the index is the
 * one that pip itself goes to, asked of pip and not written here. Throws `ENGINE_FAILED` when there is no pip to ask.
 */
export async function readIndexConfiguration(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<IndexConfiguration> {
  const pip = await pipSettings(environment);
  const words = (text: string | undefined): string[] =>
    (text ?? '').split(/\s+/).filter((word) => word !== '');
  const extra = [
    ...words(environment['UV_INDEX']),
    ...words(environment['UV_EXTRA_INDEX_URL']),
    ...words(pip('extra-index-url')),
  ];
  const main = environment['UV_DEFAULT_INDEX'] ?? environment['UV_INDEX_URL'] ?? pip('index-url');
  const url = main === undefined || main === '' ? await pipDefault(environment) : main;
  // uv lets an index have a name: `name=https://…`.
  const urls = [...extra, url].map((entry) => entry.replace(/^[A-Za-z0-9_-]+=(?=https?:)/, ''));
  return { urls, certificates: pip('cert') };
}

/** A lookup by option: the environment wins over `install`, `install` over `global`, as in pip. */
async function pipSettings(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<(option: string) => string | undefined> {
  let listing = '';
  try {
    listing = (await run('python3', ['-m', 'pip', 'config', 'list'], { env: environment })).stdout;
  } catch {
    // No pip on this machine; its environment variables still count.
    const named = (name: string): string | undefined =>
      environment[`PIP_${name.toUpperCase().replaceAll('-', '_')}`];
    return named;
  }
  const settings = new Map<string, string>();
  for (const line of listing.split('\n')) {
    const match = /^([^=]+)=(['"])(.*)\2$/.exec(line.trim());
    if (match?.[1] !== undefined && match[3] !== undefined) {
      settings.set(match[1], match[3].replaceAll('\\n', '\n'));
    }
  }
  return (option) =>
    settings.get(`:env:.${option}`) ?? settings.get(`install.${option}`) ?? settings.get(`global.${option}`);
}

async function pipDefault(environment: Readonly<Record<string, string | undefined>>): Promise<string> {
  const script = 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)';
  try {
    return (await run('python3', ['-c', script], { env: environment })).stdout.trim();
  } catch (error) {
    throw new GalleyError('ENGINE_FAILED', 'This machine names no package index.', {
      hint: 'export PIP_INDEX_URL=https://your.index/simple',
      cause: error,
    });
  }
}
