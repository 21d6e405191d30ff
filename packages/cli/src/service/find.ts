import { GalleyError } from '@galley/api/error/galley-error';
import type { Client } from '@galley/api/http/client';
import type { Application } from '@galley/api/kind/application';

/** An application that a command names; the error says which there are and what to type. */
export async function findApplication(client: Client, name: string, project: string): Promise<Application> {
  const application = await client.get('Application', project, name);
  if (application !== undefined) return application;
  const names = (await client.list('Application', project)).map((item) => item.metadata.name);
  throw new GalleyError('OBJECT_NOT_FOUND', `There is no application ${name} in project ${project}.`, {
    hint:
      names.length === 0
        ? 'galley deploy makes one.'
        : `There are ${names.join(', ')}; galley deploy makes another.`,
    details: { kind: 'Application', name, project },
  });
}
