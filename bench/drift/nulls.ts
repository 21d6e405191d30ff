import { bucketMinutes, defaultSettings } from '@galley/control/monitor/judge/detector';
import { applicationOf, detectorOf, nearby, type Mutation, type Size } from './application.ts';
import { Random } from './random.ts';
import { Traffic } from './traffic.ts';

/** A setting in which nothing moves. */
export interface NullSetting {
  readonly size: Size;
  /** Requests of the reference; a minute. */
  readonly reference: number;
  readonly perMinute: number;
  /** Live shares: the population's, or within the tolerance of it. */
  readonly truth: 'population' | 'nearby';
  readonly falseAlarmsPerYear: number;
  /** A new reference for each run. */
  readonly runs: number;
  readonly days: number;
}

/** What came of it. */
export interface NullResult {
  readonly years: number;
  readonly alarms: number;
  /** Of so many references, those that alarmed more often than their budget allows in their time. */
  readonly beyondBudget: number;
  /** The largest evidence of a run, as a share of the threshold. */
  readonly closest: number;
}

/** Runs of buckets in which nothing moved, each with a new reference. */
export function runNull(setting: NullSetting, seed: string, mutation?: Mutation): NullResult {
  const { falseAlarmsPerYear, runs, days, perMinute } = setting;
  const settings = { ...defaultSettings, falseAlarmsPerYear };
  const buckets = Math.round((days * 24 * 60) / bucketMinutes);
  let alarms = 0;
  let beyondBudget = 0;
  let closest = 0;
  for (let run = 0; run < runs; run += 1) {
    const random = new Random(`${seed} ${run}`);
    const dictionaryFromAll = mutation?.dictionaryFromAll === true;
    const streams = applicationOf(setting.size, { requests: setting.reference, random, dictionaryFromAll });
    const detector = detectorOf(streams, settings, mutation);
    const live = setting.truth === 'nearby' ? nearby(streams, settings.tolerance, random) : streams;
    const traffic = new Traffic(live, random);
    let own = 0;
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      const requests = random.poisson(perMinute * bucketMinutes);
      if (requests === 0) continue;
      traffic.draw(requests, requests + (mutation?.requestsOff ?? 0));
      detector.add(traffic.bucket);
      const { evidence, threshold } = detector;
      closest = Math.max(closest, evidence / threshold);
      if (evidence < threshold) continue;
      own += 1;
      detector.reset();
    }
    alarms += own;
    if (own > Math.max(1, (falseAlarmsPerYear * days) / 365)) beyondBudget += 1;
  }
  return { years: (runs * days) / 365, alarms, beyondBudget, closest };
}
