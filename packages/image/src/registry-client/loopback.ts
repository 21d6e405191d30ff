/** True for names and addresses of this very machine, without a port: `localhost`, `x.localhost`, `127.0.0.1`, `[::1]`. */
export function isLoopback(host: string): boolean {
  // A dot at the end is the same name, without the resolver's search list.
  const name = host.toLowerCase().replace(/\.$/, '');
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '[::1]' ||
    /^127(?:\.\d{1,3}){3}$/.test(name)
  );
}

/** True for addresses that only a machine itself or its hypervisor answers at: where a stranger must not send us. */
export function isLocalAddress(host: string): boolean {
  return (
    isLoopback(host) ||
    /^(?:0|169\.254)\./.test(host) ||
    /^\[(?:::|::ffff:.*|fe[89ab][0-9a-f]:.*|fd00:ec2:.*)\]$/i.test(host)
  );
}
