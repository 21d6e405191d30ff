import { request } from 'undici';
import { openHttp, splitUrl } from '../download/http.ts';

/** How a build went, as source-to-image posts it. */
export interface BuildOutcome {
  readonly success: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Tells a URL how the build went. A build is not undone because nobody listened: what goes wrong is given back as a sentence. The address is the
 * user's own; its credentials go into a header and nowhere else.
 */
export async function postOutcome(
  address: string,
  outcome: BuildOutcome,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { url, headers } = splitUrl(address);
  const dispatcher = openHttp();
  try {
    const answer = await request(url, {
      dispatcher,
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(outcome),
      signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
    });
    await answer.body.dump();
    return answer.statusCode < 300 ? undefined : `${url} answered ${answer.statusCode}`;
  } catch (error) {
    signal.throwIfAborted();
    return `${url} cannot be told: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    await dispatcher.close();
  }
}
