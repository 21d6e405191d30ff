import { openStore } from '../../server/open-store.ts';
import { describePush, pushTo } from '../../registry/push.ts';
import { registryFlags } from '../../registry/registry-options.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Push an image to a registry, and what refers to it',
  description:
    'Sends only the blobs that the registry lacks. Logs in as docker or skopeo are logged in; the password is never an argument.',
  examples: [
    'galley image push default/iris:latest registry.example/team/iris:v1',
    'galley image push default/iris:latest localhost:5000/iris --username ada < password.txt',
  ],
  arguments: [
    { name: 'IMAGE', description: 'a tag, a digest or the first digits of one', completes: 'image' },
    {
      name: 'REFERENCE',
      description: 'where to: registry.example/team/model:v1 (default: what the image is called here)',
      optional: true,
    },
  ],
  options: [
    ...registryFlags,
    { flags: '--chunk <SIZE>', description: 'send large blobs in pieces of this size, as 16Mi' },
    {
      flags: '--no-referrers',
      description: 'leave out what refers to the image: signatures, bills of materials',
    },
  ],
  async run(input, context) {
    const [name = '', target = name] = input.args;
    const store = await openStore(context.home);
    const digest = await store.resolve(name);
    const report = await pushTo(target, { store, digest }, input, context);
    return { text: describePush(report), value: report, names: [report.reference] };
  },
};
