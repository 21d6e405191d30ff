/**
 * What a host program may see of our own environment: where programs are, how to reach the network (proxies, certificates), the
 * language. Not HOME and nothing that is not named here, so that a variable with a secret never reaches a program by accident.
 */
const passed = [
  'PATH',
  'LANG',
  'TZ',
  'TMPDIR',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'CURL_CA_BUNDLE',
  'REQUESTS_CA_BUNDLE',
  'GIT_SSL_CAINFO',
];

/** The environment for a host program: the passed variables of ours, then `extra`. */
export function hostEnvironment(
  extra: Readonly<Record<string, string>> = {},
  own: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of passed) {
    const value = own[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, LC_ALL: 'C.UTF-8', ...extra };
}
