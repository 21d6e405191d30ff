import { table } from '../../render/table.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Names of the secrets; values are never shown',
  examples: ['galley secret list'],
  async run(_input, context) {
    const client = await context.connect();
    const { items } = await client.call('secretList', { params: { project: context.project } });
    return {
      text:
        items.length === 0
          ? `No secrets in project ${context.project}.\nNext: printf %s "$VALUE" | galley secret set NAME`
          : table(
              ['NAME', 'BYTES', 'SET'],
              items.map((item) => [item.name, String(item.bytes), item.createdAt]),
              ['left', 'right'],
            ),
      value: { items },
      names: items.map((item) => `secret/${item.name}`),
    };
  },
};
