import { GalleyError } from '@galley/api/error/galley-error';
import type { Command } from './command.ts';
import { allCommands, nouns } from './registry.ts';

export const command: Command = {
  summary: 'Print a completion script for bash or zsh',
  examples: ['source <(galley completion bash)', 'galley completion zsh > "${fpath[1]}/_galley"'],
  arguments: [{ name: 'SHELL', description: 'bash or zsh' }],
  async run({ args: [shell = ''] }) {
    if (shell !== 'bash' && shell !== 'zsh') {
      throw new GalleyError('USAGE', `There is no completion for ${shell}.`, {
        hint: 'galley completion bash, or zsh',
      });
    }
    const script = await bashScript();
    return {
      text:
        shell === 'bash' ? script : `#compdef galley\nautoload -U +X bashcompinit && bashcompinit\n${script}`,
    };
  },
};

/** One table from typed words to what may follow; names of applications are asked for when they are needed. */
async function bashScript(): Promise<string> {
  const entries = await allCommands();
  const firsts = [...new Set(entries.map(({ words }) => words[0] ?? ''))].join(' ');
  const cases = entries.map(({ words, command: { options = [], arguments: args = [] } }) => {
    const flags = [
      ...options.flatMap(({ flags: text }) => text.match(/--[a-z-]+/g) ?? []),
      '--project',
      '--output',
      '--help',
    ];
    const completes = args.find((argument) => argument.completes !== undefined)?.completes;
    const names =
      completes === 'application'
        ? ' $(galley status -o name 2>/dev/null | sed s,^application/,,)'
        : completes === 'image'
          ? ' $(galley image list -o name 2>/dev/null)'
          : completes === 'secret'
            ? ' $(galley secret list -o name 2>/dev/null | sed s,^secret/,,)'
            : '';
    return `    "${words.join(' ')}") words="${flags.join(' ')}${names}" ;;`;
  });
  const verbs = Object.keys(nouns).map((noun) => {
    const all = entries.filter(({ words }) => words[0] === noun).map(({ words }) => words[1]);
    return `    "${noun}") words="${all.join(' ')}" ;;`;
  });
  return [
    '_galley() {',
    '  local word="${COMP_WORDS[COMP_CWORD]}" typed="${COMP_WORDS[1]}" words',
    '  if [ "$COMP_CWORD" -le 1 ]; then',
    `    COMPREPLY=($(compgen -W "${firsts}" -- "$word")); return`,
    '  fi',
    `  case "$typed" in ${Object.keys(nouns).join('|')}) [ "$COMP_CWORD" -gt 2 ] && typed="$typed \${COMP_WORDS[2]}" ;; esac`,
    '  case "$typed" in',
    ...verbs,
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$word") $(compgen -f -- "$word"))',
    '}',
    'complete -F _galley galley',
  ].join('\n');
}
