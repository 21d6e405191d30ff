import type { BenchRow } from '../row.ts';
import type { OurBuild, OurBuilds } from './our-builds.ts';
import type { PeerBuilds } from './peer-builds.ts';

/** The peers' figures, as far as this machine can run them; else why not. */
export interface Peers {
  readonly docker: PeerBuilds | string;
  readonly s2i: PeerBuilds | string;
  readonly environments: { readonly pip: number; readonly uv: number };
}

const besides = "without the notebook's run and the rehearsal";

/** Our four builds beside everybody else's. */
export function buildRows(ours: OurBuilds, peers: Peers): readonly BenchRow[] {
  const named = (name: string, builds: PeerBuilds | string, which: keyof PeerBuilds): Peer =>
    typeof builds === 'string' ? { name, absent: builds } : { name, ms: builds[which] };
  const docker = (which: keyof PeerBuilds): Peer => named('Docker, classic builder', peers.docker, which);
  const s2i = (which: keyof PeerBuilds): Peer => named("source-to-image's steps on Docker", peers.s2i, which);
  const pip: Peer = { name: 'pip in a venv, tar, gzip -6', ms: peers.environments.pip };
  const uv: Peer = { name: 'uv in a venv, tar, pigz', ms: peers.environments.uv };
  const first = `first build, base cached, wheels not, ${besides}`;
  const added = `one package added, ${besides}`;
  const cell = `one cell edited, ${besides}`;
  const other = `another repository, mostly the same wheels, ${besides}`;
  return [
    compare(first, ours.first, docker('first'), '≥ 3×'),
    compare(first, ours.first, s2i('first'), '—'),
    compare(first, ours.first, pip, '—'),
    compare(first, ours.first, uv, '≥ 1×'),
    compare(added, ours.package, docker('package'), '≥ 10×'),
    compare(added, ours.package, s2i('package'), '≥ 10×'),
    compare(cell, ours.cell, docker('cell'), '≥ 1×'),
    compare(cell, ours.cell, s2i('cell'), '≥ 20×'),
    compare(other, ours.other, docker('other'), '≥ 15×'),
  ];
}

interface Peer {
  readonly name: string;
  readonly ms?: number;
  readonly absent?: string;
}

function compare(what: string, ours: OurBuild, peer: Peer, target: string): BenchRow {
  const told = peer.ms === undefined ? (peer.absent ?? '—') : `${seconds(peer.ms)} (${peer.name})`;
  return {
    what,
    ours: seconds(ours.ms),
    peer: told,
    ratio: peer.ms === undefined ? '—' : ratioOf(peer.ms / ours.ms),
    target,
    note: ours.phases,
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function ratioOf(ratio: number): string {
  return `${ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(1)}×`;
}
