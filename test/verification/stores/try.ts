import { errorsInWords } from '../sales/stage.js';
import { onPostgres } from './postgres-stage.js';
import { runStoreCrashes } from './run-store-crashes.js';
import { onProject } from './store-stage.js';

const [calls, kills, storeKills, callers, share, recipe] = process.argv.slice(2);
await onProject(async (project) => {
  console.log('packed', performance.now());
  await onPostgres({ wireFaultShare: Number(share), seed: 1 }, async (stage) => {
    const f = await runStoreCrashes(project, stage, {
      calls: Number(calls),
      kills: Number(kills),
      storeKills: Number(storeKills),
      callers: Number(callers),
      seed: 1,
      ...(recipe ? { recipe } : {}),
    });
    console.dir({ ...f, errors: errorsInWords(f.errors) }, { depth: 5 });
  });
});
