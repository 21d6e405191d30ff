import { GalleyError } from '@galley/api/error/galley-error';

/** What a remote offers, by full name: `refs/heads/main` → commit. */
export type RemoteReferences = ReadonlyMap<string, string>;

/** A commit named in full, in either of git's hashes. */
export function isFullCommit(ref: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(ref);
}

/** The first digits of a commit, as `git log --oneline` shows them. */
export function isShortCommit(ref: string): boolean {
  return /^[0-9a-f]{4,63}$/i.test(ref) && !isFullCommit(ref);
}

/** The output of `git ls-remote`. A tag's peeled commit (`^{}`) replaces the tag object. */
export function parseReferences(output: string): RemoteReferences {
  const references = new Map<string, string>();
  for (const line of output.split('\n')) {
    const [sha, name] = line.split('\t');
    if (sha === undefined || name === undefined || !/^[0-9a-f]{40,64}$/.test(sha)) continue;
    references.set(name.replace(/\^\{\}$/, ''), sha);
  }
  return references;
}

/**
 * The commit that `ref` names among what the remote offers: empty is its default branch; a branch before a tag, as `git clone --branch`
 * decides; a pull or merge request by its number (`pull/7`, `merge-requests/7`, `pull-requests/7`); a full commit is itself. Undefined:
 * perhaps a short commit, which only a full fetch can tell, or a name that the remote hides.
 */
export function findReference(references: RemoteReferences, ref: string): string | undefined {
  if (ref === '') return defaultBranch(references);
  for (const candidate of candidates(ref)) {
    const sha = references.get(candidate);
    if (sha !== undefined) return sha;
  }
  if (isFullCommit(ref)) return ref.toLowerCase();
  const tips = [...new Set(references.values())].filter((sha) => sha.startsWith(ref.toLowerCase()));
  return ref.length >= 7 && isShortCommit(ref) && tips.length === 1 ? tips[0] : undefined;
}

function candidates(ref: string): readonly string[] {
  const branch = ref.replace(/^(?:refs\/remotes\/|remotes\/)?origin\//, '');
  const [, sort = '', number = '', rest = ''] =
    /^(?:refs\/)?(pull|merge-requests|pull-requests)\/(\d+)(\/[a-z]+)?$/.exec(ref) ?? [];
  const request =
    number === '' ? [] : [`refs/${sort}/${number}${rest || (sort === 'pull-requests' ? '/from' : '/head')}`];
  return [`refs/heads/${ref}`, `refs/tags/${ref}`, `refs/heads/${branch}`, ref, `refs/${ref}`, ...request];
}

/** HEAD may name a branch that was never pushed; then there is one only if nothing else could be meant. */
function defaultBranch(references: RemoteReferences): string | undefined {
  const branches = [...references.keys()].filter((name) => name.startsWith('refs/heads/'));
  const only = branches.length === 1 ? branches[0] : undefined;
  const names = ['HEAD', 'refs/heads/main', 'refs/heads/master', only ?? ''];
  return names.map((name) => references.get(name)).find((sha) => sha !== undefined);
}

/** `REF_NOT_FOUND` with the names that are nearest to what was asked for. */
export function referenceNotFound(references: RemoteReferences, ref: string, url: string): GalleyError {
  const near = nearNames(references, ref);
  return new GalleyError('REF_NOT_FOUND', `${url} has no branch, tag or commit ${JSON.stringify(ref)}.`, {
    hint:
      near.length === 0
        ? 'The repository has no branches yet: push one.'
        : `Did you mean ${near.join(', ')}? git ls-remote lists them all.`,
    details: { ref, near },
  });
}

function nearNames(references: RemoteReferences, ref: string): readonly string[] {
  const names = [...references.keys()].flatMap(
    (name) => /^refs\/(?:heads|tags)\/(.+)$/.exec(name)?.[1] ?? [],
  );
  return [...new Set(names)]
    .map((name) => ({ name, distance: editDistance(name.toLowerCase(), ref.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein's distance, two rows at a time; both names are capped so that a hostile remote cannot make it slow. */
function editDistance(left: string, right: string): number {
  const a = left.slice(0, 80);
  const b = right.slice(0, 80);
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
