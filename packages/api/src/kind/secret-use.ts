import Type, { type Static } from 'typebox';

/** A secret's name: letters, digits, and - _ . between them; it is the name of a file. */
export const secretNamePattern = '^[A-Za-z0-9_]([-._A-Za-z0-9]{0,251}[A-Za-z0-9_])?$';

/** One secret of the project that an application uses: in a file `/run/secrets/NAME`, or as the environment variable NAME besides. */
export const SecretUse = Type.Object(
  {
    /** As it was set. */
    name: Type.String({ pattern: secretNamePattern }),
    /** Default `file`. */
    as: Type.Optional(Type.Union([Type.Literal('file'), Type.Literal('env')])),
    /** Default both. `service` includes the rehearsal, which is the service's. */
    phases: Type.Optional(Type.Array(Type.Union([Type.Literal('build'), Type.Literal('service')]))),
  },
  { additionalProperties: false },
);
export type SecretUse = Static<typeof SecretUse>;

/** Variables that Galley sets itself; a secret of such a name would be lost or would change what runs. */
const reserved =
  /^(?:GALLEY_.*|PORT|PATH|HOME|PYTHON.*|LD_.*|PIP_INDEX_URL|UV_(?:DEFAULT_INDEX|INDEX_URL)|(?:HTTPS?|NO)_PROXY|(?:https?|no)_proxy)$/;

/** What is wrong with uses that each fit the schema: the position of the use, and a sentence's end. */
export function secretUseProblems(
  uses: readonly SecretUse[],
): readonly { readonly index: number; readonly problem: string }[] {
  const seen = new Set<string>();
  return uses.flatMap(({ name, as }, index) => {
    const problem = seen.has(name)
      ? `names ${name} twice`
      : as === 'env' && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
        ? `names ${name} as: env, which is no name of a variable: set the secret as ${variable(name)}, or use as: file`
        : as === 'env' && reserved.test(name)
          ? `names ${name} as: env, a variable that Galley sets itself`
          : undefined;
    seen.add(name);
    return problem === undefined ? [] : [{ index, problem }];
  });
}

function variable(name: string): string {
  return name
    .toUpperCase()
    .replace(/[^A-Z0-9_]/g, '_')
    .replace(/^(?=[0-9])/, '_');
}
