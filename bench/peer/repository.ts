import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pipImage } from './docker.ts';

const notebook = fileURLToPath(new URL('../../examples/iris/iris.ipynb', import.meta.url));
const pinned = ['pandas==3.0.1', 'scikit-learn==1.8.0'];
/** What a Dockerfile or a builder needs besides to run the notebook and to serve the model; Galley brings its own. */
const besides = ['nbclient', 'ipykernel', 'flask'];

/** The flask service that people put beside a model. */
const app = `import os, pickle
import flask, pandas
model = pickle.load(open("model.pkl", "rb"))
app = flask.Flask(__name__)
@app.post("/predict")
def predict():
    return {"predictions": model.predict(pandas.DataFrame(flask.request.json)).tolist()}
app.run("127.0.0.1", int(os.environ["PORT"]))
`;
/** The notebook as it is, then its model as a file. */
const train = `import json, pickle
for cell in json.load(open("iris.ipynb"))["cells"]:
    if cell["cell_type"] == "code":
        exec("".join(cell["source"]))
pickle.dump(model, open("model.pkl", "wb"))
`;
const dockerfile = `FROM ${pipImage}
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
CMD ["python", "app.py"]
`;

/** The same repository twice: as Galley takes it, and with what the others need in it. */
export interface BenchRepository {
  readonly ours: string;
  readonly theirs: string;
  readonly requirements: string;
  /** Makes one number of the notebook's second cell another. */
  editCell(): Promise<void>;
  addPackage(pin: string): Promise<void>;
}

/** Lays the example with pinned requirements into `folder`. */
export async function layRepository(folder: string, pins: readonly string[] = []): Promise<BenchRepository> {
  const ours = join(folder, 'ours');
  const theirs = join(folder, 'theirs');
  const packages = [...pinned, ...pins];
  let edits = 40;
  const write = async (): Promise<void> => {
    await writeFile(join(ours, 'requirements.txt'), lines(packages));
    await writeFile(join(theirs, 'requirements.txt'), lines([...packages, ...besides]));
  };
  for (const place of [ours, theirs]) {
    await mkdir(place, { recursive: true });
    await cp(notebook, join(place, 'iris.ipynb'));
  }
  await write();
  await writeFile(join(theirs, 'app.py'), app);
  await writeFile(join(theirs, 'train.py'), train);
  await writeFile(join(theirs, 'Dockerfile'), dockerfile);
  return {
    ours,
    theirs,
    requirements: join(theirs, 'requirements.txt'),
    async editCell() {
      edits += 1;
      for (const place of [ours, theirs]) {
        const path = join(place, 'iris.ipynb');
        const text = await readFile(path, 'utf8');
        const edited = text.replace(/test_size=0\.\d+/, `test_size=0.${edits}`);
        if (edited === text) throw new Error('the example has no such cell any more');
        await writeFile(path, edited);
      }
    },
    async addPackage(pin) {
      packages.push(pin);
      await write();
    },
  };
}

function lines(packages: readonly string[]): string {
  return packages.map((name) => `${name}\n`).join('');
}
