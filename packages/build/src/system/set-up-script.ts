import { symlinkEntry, type TarEntry } from '@galley/image/tar/entry';
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
  /** It does something that is not done here. */
  readonly leavesOut: boolean;
}

/** Lines that change nothing in an image: shell around them, caches that programs do without, what only a running system has. */
const idle =
  /^(?:#.*|set\s+-[eu]+|case\b.*|esac|if\b.*|then|else|elif\b.*|fi|for\b.*|do|done|exit\s+0|[)};{]+|;;|\w[\w|-]*\)|configure.*\)|true|:|ldconfig.*|\. \/usr\/share\/debconf\/confmodule|(?:deb|dpkg)-?[a-z]*helper.*|py3compile.*|update-mime.*|fc-cache.*|add-shell\b.*|update-menus\b.*|#DEBHELPER#|return\b.*)$/;
const literal =
  /update-alternatives\s+(?:--\S+\s+)*?--install\s+(\/[\w./+-]+)\s+([\w./+-]+)\s+(\/[\w./+-]+)\s+(\d+)/g;

/** Reads the script of a .deb without running it. */
export async function readSetUpScript(file: string, signal?: AbortSignal): Promise<SetUpScript> {
  const result = await runCommand(['dpkg-deb', '--info', file, 'postinst'], {
    env: hostEnvironment(),
    signal,
    maxOutputBytes: 1024 * 1024,
  }).catch(() => undefined);
  return parseSetUpScript(result?.exitCode === 0 ? result.stdout.toString('utf8') : '');
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
  return { alternatives, leavesOut: rest.length > 0 };
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
