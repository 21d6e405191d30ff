import { predict, type ServiceAddress } from '../service/predict.ts';
import type { Day } from './days.ts';
import type { Flight } from './flights.ts';
import type { Answer } from './quality.ts';

/** So many requests of one day are under way at once; days wait for each other, as they do in life. */
const together = 4;

/** Sends each flight as a request of its own, at its own event time, and gives back the answers beside the truth. */
export async function replayDay(
  address: ServiceAddress,
  day: Day,
  signal: AbortSignal,
): Promise<readonly Answer[]> {
  const waiting = [...day.flights];
  const answers: Answer[] = [];
  const work = async (): Promise<void> => {
    for (let flight = waiting.shift(); flight !== undefined; flight = waiting.shift()) {
      answers.push({ probability: await ask(address, flight, signal), late: flight.late });
    }
  };
  await Promise.all(Array.from({ length: together }, work));
  return answers;
}

async function ask(address: ServiceAddress, flight: Flight, signal: AbortSignal): Promise<number> {
  const body = JSON.stringify({ dataframe_records: [flight.row] });
  const [probability] = await predict(address, body, {
    contentType: 'application/json',
    eventTime: flight.time,
    signal,
  });
  return Number(probability);
}
