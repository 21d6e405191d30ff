import { GalleyError } from '@galley/api/error/galley-error';
import type { Client } from '@galley/api/http/client';
import type { Application } from '@galley/api/kind/application';
import type { KindName, KindTypes } from '@galley/api/kind/kinds';

/** An object, or undefined when there is none of that name. */
export async function find<K extends KindName>(
  client: Client,
  kind: K,
  name: string,
  namespace: string,
): Promise<KindTypes[K] | undefined> {
  try {
    return await client.get(kind, name, { namespace });
  } catch (error) {
    if (error instanceof GalleyError && error.code === 'OBJECT_NOT_FOUND') return undefined;
    throw error;
  }
}

/** An application that a command names; the error says which there are and what to type. */
export async function findApplication(client: Client, name: string, namespace: string): Promise<Application> {
  const application = await find(client, 'Application', name, namespace);
  if (application !== undefined) return application;
  const { items } = await client.list('Application', { namespace });
  const names = items.map((item) => item.metadata.name);
  throw new GalleyError('OBJECT_NOT_FOUND', `There is no application ${name} in project ${namespace}.`, {
    hint: names.length === 0 ? 'galley deploy makes one.' : `There are ${names.join(', ')}; galley deploy makes another.`,
    details: { kind: 'Application', name, namespace },
  });
}
