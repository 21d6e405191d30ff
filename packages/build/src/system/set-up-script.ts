import { symlinkEntry, type TarEntry } from '@galley/image/tar/entry';
import { readEntry } from '@galley/image/tar/read-entry';
import { readTar } from '@galley/image/tar/read-tar';
import { hostEnvironment } from '../command/host-environment.ts';
import { runCommand } from '../command/run-command.ts';

/** What a package's `postinst` would do, as far as its text says it. */
export interface SetUpScript {
  /** Links that `update-alternatives` would make. */
  readonly alternatives: readonly {
    readonly link: string;
    readonly target: string;
    readonly priority: number;
  }[];
  /** It does more than links: it must be run. */
  readonly mustRun: boolean;
  readonly text: string;
  /** What debconf reads beside it, by the ends of the names: `templates`, `config`. */
  readonly beside: Readonly<Record<string, string>>;
}

/** Lines that change nothing in an image: shell around them, caches that programs do without, what only a running system has. */
const idle =
  /^(?:#.*|set\s+-[eu]+|case\b.*|esac|if\b.*|then|else|elif\b.*|fi|for\b.*|do|done|exit\s+0|[)};{]+|;;|\w[\w|-]*\)|configure.*\)|true|:|ldconfig.*|\. \/usr\/share\/debconf\/confmodule|(?:deb|dpkg)-?[a-z]*helper.*|py3compile.*|update-mime.*|fc-cache.*|add-shell\b.*|update-menus\b.*|#DEBHELPER#|return\b.*)$/;
const literal =
  /update-alternatives\s+(?:--\S+\s+)*?--install\s+(\/[\w./+-]+)\s+([\w./+-]+)\s+(\/[\w./+-]+)\s+(\d+)/g;

/** What debconf reads beside a script: questions, and the script that asks them (debconf-devel(7)). */
const members = new Set(['postinst', 'templates', 'config']);

const bytesMax = 64 * 1024 * 1024;

/** Reads the scripts of a .deb without running them. */
export async function readSetUpScript(file: string, signal?: AbortSignal): Promise<SetUpScript> {
  const result = await runCommand(['dpkg-deb', '--ctrl-tarfile', file], {
    env: hostEnvironment(),
    signal,
    maxOutputBytes: bytesMax,
  });
  const texts: Record<string, string> = {};
  const source = [result.stdout] as unknown as AsyncIterable<Uint8Array>;
  for await (const entry of readTar(source, { entriesMax: 1000, bytesMax, special: 'skip' }, signal)) {
    const content = members.has(entry.path) ? await readEntry(entry, bytesMax) : undefined;
    if (content !== undefined) texts[entry.path] = content.toString('utf8');
  }
  const { postinst = '', ...beside } = texts;
  return { ...parseSetUpScript(postinst), beside };
}

/** Pure: the text of a postinst; empty: there is none. */
export function parseSetUpScript(text: string): SetUpScript {
  const joined = text.replace(/\\\n\s*/g, ' ');
  const alternatives = [...joined.matchAll(literal)].map(([, link = '', , target = '', priority = '0']) => ({
    link: link.slice(1),
    target,
    priority: Number(priority),
  }));
  const rest = joined
    .split('\n')
    .map((line) => line.trim())
    .filter(
      (line) =>
        line !== '' &&
        !idle.test(line) &&
        !/^update-alternatives\b.*--install\s+\/\S+\s+\S+\s+\/[\w./+-]+\s+\d+/.test(line),
    );
  return { alternatives, mustRun: rest.length > 0, text, beside: {} };
}

/** Of several packages that offer a link, the one of highest priority has it, as in Debian. Pure. */
export function alternativeLinks(scripts: readonly SetUpScript[]): readonly TarEntry[] {
  const best = new Map<string, SetUpScript['alternatives'][number]>();
  for (const one of scripts.flatMap(({ alternatives }) => alternatives)) {
    const known = best.get(one.link);
    if (known === undefined || known.priority < one.priority) best.set(one.link, one);
  }
  return [...best.values()].map(({ link, target }) => symlinkEntry(link, target));
}
