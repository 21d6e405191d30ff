import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { dnsLabelPattern } from '@galley/api/kind/object';
import { secretNamePattern } from '@galley/api/kind/secret-use';
import { secretBytesMax } from '../store/secret-store.ts';
import type { ApiContext } from './api-context.ts';
import { endpointRoute, param } from './endpoint-route.ts';
import { refuse, requireValid } from './validate.ts';

const SecretBody = Type.Object({ value: Type.String() }, { additionalProperties: false });

/** Secrets go in and never come out: values leave only towards workloads. */
export function secretRoutes(app: FastifyInstance, context: ApiContext): void {
  endpointRoute(app, 'secretList', async (call) => ({
    items: context.secrets.list(param(call, 'project')),
  }));

  endpointRoute(app, 'secretPut', async (call) => {
    const name = param(call, 'name');
    const what = `Secret ${name}`;
    if (!new RegExp(secretNamePattern).test(name)) {
      refuse([{ field: 'name', problem: 'may hold letters, digits, and - _ . between them' }], what);
    }
    if (!new RegExp(dnsLabelPattern).test(param(call, 'project'))) {
      refuse([{ field: 'namespace', problem: 'must be a DNS label' }], what);
    }
    requireValid(SecretBody, call.body, 'secret', what);
    const { value } = call.body;
    if (value === '') refuse([{ field: 'value', problem: 'must not be empty' }], what);
    if (Buffer.byteLength(value) > secretBytesMax) {
      refuse([{ field: 'value', problem: `must have at most ${secretBytesMax} bytes` }], what);
    }
    return context.secrets.put(param(call, 'project'), name, value);
  });

  endpointRoute(app, 'secretDelete', async (call) => {
    context.secrets.remove(param(call, 'project'), param(call, 'name'));
    return {};
  });
}
