/**
 * What the workloads of the contract suite do, once in words. Each adapter brings them about in its own way: `runc` as
 * Python in a container, `memory` as functions.
 */
export const behaviours = [
  /** Prints `one`, `two` to stdout and `three` to stderr; exit 0. */
  'print',
  /** Exit 3. */
  'fail',
  /** Prints `ready`, then sleeps; ends with exit 0 at SIGTERM, having printed `stopping`. */
  'sleep',
  /** Prints `ready`, then sleeps; takes no notice of SIGTERM. */
  'stubborn',
  /** Prints 200,000 times `x` and a newline, then `end`. */
  'long-line',
  /** Serves port 8080 and admin: answers each connection with what it got, in capitals. Prints `ready`. Ends at SIGTERM. */
  'serve',
  /** Port 8080 is a symbolic link to a socket that listens; 8081 is a file. Prints `ready` and sleeps. */
  'trap',
  /** Leaves a.txt (`alpha`), dir/b.txt (`beta`) and link → /etc/passwd in the output. */
  'output',
  /** Prints the variable GREETING, the file /galley/in/plan.json and the secret /run/secrets/key. */
  'inputs',
] as const;

export type Behaviour = (typeof behaviours)[number];
