import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Roots of a distribution's archives that this machine may use, in order of preference. */
export interface Mirrors {
  readonly main: readonly string[];
  readonly security: readonly string[];
}

/** Debian's releases by each of their names. Ubuntu's archive has files at the very paths of Debian's, with other bytes in them. */
const releases = new Set(
  'buster bullseye bookworm trixie forky duke sid oldoldstable oldstable stable testing unstable'.split(' '),
);
/** Where python-apt keeps what it knows of Debian, its mirror for the whole world among it; every distribution packages it. */
const knownOfDebian = '/usr/share/python-apt/templates/Debian.info';

/**
 * Where Debian packages can be fetched from: `GALLEY_DEBIAN_MIRROR` (its security archive lies beside it, with `-security`),
 * then what this machine's apt is configured with, in both formats of apt. A machine whose apt knows no Debian, such as one that
 * runs Ubuntu, takes the mirror that python-apt names.
 */
export async function findMirrors(
  env: NodeJS.ProcessEnv = process.env,
  etc = '/etc/apt',
  template = knownOfDebian,
): Promise<Mirrors> {
  const own = env['GALLEY_DEBIAN_MIRROR']?.replace(/\/+$/, '');
  const main = own === undefined || own === '' ? [] : [own];
  const security = main.map((url) => `${url}-security`);
  for (const { url, suites } of await configuredSources(etc)) {
    if (!suites.some((suite) => releases.has(suite.split(/[-/]/)[0] ?? ''))) continue;
    const isSecurity = suites.some((suite) => suite.includes('-security') || suite.includes('/updates'));
    const list = isSecurity ? security : main;
    if (!list.includes(url)) list.push(url);
  }
  if (main.length === 0) main.push(...(await baseOf(template)));
  // Archives of others for Debian's releases come last: they cost a 404 each.
  main.sort((a, b) => Number(/debian\/?$/.test(b)) - Number(/debian\/?$/.test(a)));
  // A mirror often carries the security archive beside the main one, and its own copy of it under the same name.
  return {
    main,
    security: [...security, ...main.map((url) => `${url}-security`).filter((url) => !security.includes(url))],
  };
}

/** The first `BaseURI` of a template of python-apt; none where it is not installed. */
async function baseOf(template: string): Promise<readonly string[]> {
  const text = await readFile(template, 'utf8').catch(() => '');
  const base = /^BaseURI:\s*(https?:\/\/\S+?)\/*$/m.exec(text)?.[1];
  return base === undefined ? [] : [base];
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
