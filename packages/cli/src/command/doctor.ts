import { checkMachine } from '@galley/control/check-machine';
import { safeText } from '../render/safe-text.ts';
import { findServer } from '../server/running-server.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'Check the machine: isolation, programs, disk, ports',
  description:
    'Says for everything that is missing the one command that mends it. Exit code 3 when something is missing.',
  examples: ['galley doctor', 'galley doctor -o json'],
  async run(_input, context) {
    const server = await findServer(context.home);
    const checks = await checkMachine({
      home: context.home,
      env: context.env,
      serverRuns: server !== undefined,
    });
    const bad = checks.filter((check) => !check.ok);
    const lines = checks.map(
      (check) =>
        `${check.ok ? '✓' : '✗'} ${check.what.padEnd(18)} ${safeText(check.found)}${check.ok ? '' : `\n  Next: ${check.fix ?? ''}`}`,
    );
    return {
      text: [
        ...lines,
        '',
        bad.length === 0 ? 'Everything is there.' : `${bad.length} of ${checks.length} to mend.`,
      ].join('\n'),
      value: { checks },
      names: bad.map((check) => check.what),
      exitCode: bad.length === 0 ? 0 : 3,
    };
  },
};
