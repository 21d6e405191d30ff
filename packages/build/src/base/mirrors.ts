import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Roots of a distribution's archives that this machine may use, in order of preference. */
export interface Mirrors {
  readonly main: readonly string[];
  readonly security: readonly string[];
}

/**
 * Where Debian packages can be fetched from: `GALLEY_DEBIAN_MIRROR` (its security archive lies beside it, with `-security`),
 * then what this machine's apt is configured with. Both formats of apt are read; sources of other vendors simply do not have our paths.
 */
export async function findMirrors(env: NodeJS.ProcessEnv = process.env, etc = '/etc/apt'): Promise<Mirrors> {
  const own = env['GALLEY_DEBIAN_MIRROR']?.replace(/\/+$/, '');
  const main = own === undefined || own === '' ? [] : [own];
  const security = main.map((url) => `${url}-security`);
  for (const { url, suites } of await configuredSources(etc)) {
    const isSecurity = suites.some((suite) => suite.includes('-security') || suite.includes('/updates'));
    const list = isSecurity ? security : main;
    if (!list.includes(url)) list.push(url);
  }
  // Other vendors' archives come last: they cost a 404 each.
  main.sort((a, b) => Number(/debian\/?$/.test(b)) - Number(/debian\/?$/.test(a)));
  // A mirror often carries the security archive beside the main one, and its own copy of it under the same name.
  return {
    main,
    security: [...security, ...main.map((url) => `${url}-security`).filter((url) => !security.includes(url))],
  };
}

async function configuredSources(
  etc: string,
): Promise<readonly { url: string; suites: readonly string[] }[]> {
  const parts: string[] = await readdir(join(etc, 'sources.list.d')).catch(() => []);
  const files = [join(etc, 'sources.list'), ...parts.sort().map((name) => join(etc, 'sources.list.d', name))];
  const found: { url: string; suites: readonly string[] }[] = [];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    found.push(...(file.endsWith('.sources') ? parseDeb822(text) : parseList(text)));
  }
  return found
    .map(({ url, suites }) => ({ url: url.replace(/\/+$/, ''), suites }))
    .filter(({ url }) => /^https?:\/\//.test(url));
}

/** `deb [options] URL SUITE COMPONENT…` (sources.list(5)). */
function parseList(text: string): readonly { url: string; suites: readonly string[] }[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line);
    return match === null ? [] : [{ url: match[1] ?? '', suites: [match[2] ?? ''] }];
  });
}

/** Paragraphs of `Types, URIs, Suites` (sources.list(5), deb822 style). */
function parseDeb822(text: string): readonly { url: string; suites: readonly string[] }[] {
  return text.split(/\n\s*\n/).flatMap((paragraph) => {
    const field = (name: string): readonly string[] =>
      new RegExp(`^${name}:(.*(?:\\n[ \\t].*)*)`, 'im').exec(paragraph)?.[1]?.trim().split(/\s+/) ?? [];
    if (!field('Types').includes('deb') || field('Enabled').includes('no')) return [];
    return field('URIs').map((url) => ({ url, suites: field('Suites') }));
  });
}
