import { spawn } from 'node:child_process';
import type { Command } from './command.ts';
import { findApplication } from '../service/find.ts';

export const command: Command = {
  summary: "Open a service's description in a browser, or print its URL",
  examples: ['galley open flight-delay', 'curl -s "$(galley open flight-delay -o name)/v2"'],
  arguments: [{ name: 'NAME', description: 'the application', completes: 'application' }],
  async run({ args: [name = ''] }, context) {
    const client = await context.connect();
    await findApplication(client, name, context.project);
    const { gateway } = await client.call('serverInfo', {});
    const url = `${gateway}/apps/${context.project}/${name}`;
    // Under its own host name: below the shared one a page may not send its form.
    const page = `http://${name}.${context.project}.localhost:${new URL(gateway).port}/docs`;
    const opened = context.output === 'text' && hasDesktop(context.env) && (await openInBrowser(page));
    return { text: opened ? `Opened ${page}` : url, value: { url, page }, names: [url] };
  },
};

function hasDesktop(env: Readonly<Record<string, string | undefined>>): boolean {
  return env['DISPLAY'] !== undefined || env['WAYLAND_DISPLAY'] !== undefined;
}

/** False when there is no xdg-open: then the URL is printed. */
function openInBrowser(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn('xdg-open', [url], { stdio: 'ignore', detached: true });
    child.on('error', () => resolve(false));
    child.on('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}
