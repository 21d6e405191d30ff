import { GalleyError } from '@galley/api/error/galley-error';

/** How an object is called in sentences: `Application iris of project default`. */
export function describeObject(kind: string, namespace: string, name: string): string {
  return `${kind} ${name} of project ${namespace}`;
}

export function objectNotFound(kind: string, namespace: string, name: string): GalleyError {
  return new GalleyError('OBJECT_NOT_FOUND', `There is no ${describeObject(kind, namespace, name)}.`, {
    hint: 'galley status',
    details: { kind, namespace, name },
  });
}

export function alreadyExists(kind: string, namespace: string, name: string): GalleyError {
  return new GalleyError('ALREADY_EXISTS', `${describeObject(kind, namespace, name)} exists already.`, {
    details: { kind, namespace, name },
  });
}

/** Somebody else was faster: read again, decide again. */
export function conflict(kind: string, namespace: string, name: string): GalleyError {
  return new GalleyError(
    'CONFLICT',
    `${describeObject(kind, namespace, name)} was changed by somebody else in the meantime.`,
    {
      hint: 'Read the object again and repeat the change on what it is now.',
      details: { kind, namespace, name },
    },
  );
}
