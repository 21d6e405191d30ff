import { GalleyError } from '@galley/api/error/galley-error';
import type { RecipeRecord } from '@galley/build/plan/recipe-record';
import { textOption } from '../program.ts';
import { notebookHtml } from '../render/notebook-html.ts';
import { describeRecipe } from '../render/recipe.ts';
import { describeReport } from '../render/report.ts';
import type { Command, Context } from './command.ts';
import { findApplication } from '../service/find.ts';
import { writeNamedFile } from '../service/write-named-file.ts';

export const command: Command = {
  summary: 'The run report: recipe and what every cell did, also when the build failed',
  description:
    'For an application, the report of its latest build. --html writes the executed notebook with its outputs.',
  examples: ['galley report flight-delay', 'galley report build/flight-delay-3 --html run.html'],
  arguments: [{ name: 'NAME|build/B', description: 'the application, or a build', completes: 'application' }],
  options: [{ flags: '--html <FILE>', description: 'write the executed notebook as one HTML file' }],
  async run(input, context) {
    const build = await buildName(input.args[0] ?? '', context);
    const client = await context.connect();
    const params = { project: context.project, name: build };
    const { lines } = await client.call('buildReport', { params });
    const recipe = await recipeOf(context, params);
    const file = textOption(input, 'html');
    if (file !== undefined) {
      const notebook = await client.call('buildRecord', {
        params: { ...params, record: 'executedNotebook' },
      });
      await writeNamedFile(context, file, notebookHtml(notebook, build));
    }
    return {
      text: [
        ...(recipe === undefined ? [] : [describeRecipe(recipe), '']),
        describeReport(lines),
        ...(file === undefined ? [] : [`Wrote ${file}.`]),
      ].join('\n'),
      value: { build, cells: lines, ...(recipe === undefined ? {} : { recipe }) },
      names: [`build/${build}`],
    };
  },
};

/** What the build read of the repository; undefined: it failed before it was kept. */
async function recipeOf(
  context: Context,
  params: { readonly project: string; readonly name: string },
): Promise<RecipeRecord | undefined> {
  const client = await context.connect();
  try {
    // Written by the build of this very server.
    return (await client.call('buildRecord', { params: { ...params, record: 'recipe' } })) as RecipeRecord;
  } catch (error) {
    if (error instanceof GalleyError && error.code === 'RECORD_NOT_FOUND') return undefined;
    throw error;
  }
}

async function buildName(target: string, context: Context): Promise<string> {
  if (target.startsWith('build/')) return target.slice('build/'.length);
  const client = await context.connect();
  const application = await findApplication(client, target, context.project);
  const { latestBuild } = application.status;
  if (latestBuild === undefined) {
    throw new GalleyError('OBJECT_NOT_FOUND', `Application ${target} has no build yet.`, {
      hint: `galley status ${target}`,
    });
  }
  return latestBuild;
}
