/** The ids under which the gateway serves; only root can take others. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Groups that may pass the directories of replicas' sockets. */
  readonly groups: readonly number[];
}

/**
 * Gives up every right of root. After this everything must be open or reachable for an ordinary user: the listening
 * sockets are, the routing file is read by way of the working directory, replicas' sockets by way of the groups.
 */
export function dropPrivileges(identity: Identity): void {
  const { setgroups, setgid, setuid } = process;
  if (setgroups === undefined || setgid === undefined || setuid === undefined) {
    throw new Error('this platform has no user ids');
  }
  // In this order: without root the groups could no longer be set.
  setgroups([...identity.groups]);
  setgid(identity.gid);
  setuid(identity.uid);
}
