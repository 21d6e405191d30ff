/** What a registry is shown to let somebody in. Never logged, never an argument of a program. */
export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** A refresh token: exchanged for an access token at the registry's token server. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** Shown as it is. */
  | { readonly kind: 'bearer'; readonly token: string };

/** Who we are at a registry; undefined: nobody. `registry` is as in a reference: `docker.io`, `registry.example:5000`. */
export type FindCredentials = (registry: string, signal?: AbortSignal) => Promise<Credentials | undefined>;
