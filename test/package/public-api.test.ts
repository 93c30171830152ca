// What each entry point exports, as a text beside the code, so that a change of it is seen in a diff.
// After an intended change: npx vitest run -u --project store test/package/public-api.test.ts
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ENTRY_POINTS } from '../../entry-points.js';
import { type Build, buildPackage } from '../support/packed-package.js';

let folder: string;
let build: Build;
/** Of all entry points, so that what they have in common is compiled once. */
let compilerState: CompilerState;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storagebox-api-'));
  build = await buildPackage(folder);
  const [first, ...others] = ENTRY_POINTS.map(({ name }) => name);
  compilerState = CompilerState.create(configOf(String(first)), {
    additionalEntryPoints: others.map(declarationsOf),
  });
});
afterAll(() => rm(folder, { recursive: true }));

test.each(ENTRY_POINTS)('$specifier exports what its snapshot says', async ({ name }) => {
  await expect(await apiReportOf(name)).toMatchFileSnapshot(`../../api/${name}.api.md`);
});

const declarationsOf = (name: string) => join(build.folder, `dist/${name}.d.ts`);

function configOf(name: string): ExtractorConfig {
  const silent = { default: { logLevel: 'none' as never } };
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(build.folder, 'package.json'),
    configObject: {
      projectFolder: build.folder,
      mainEntryPointFilePath: declarationsOf(name),
      compiler: { tsconfigFilePath: join(build.folder, 'tsconfig.json') },
      apiReport: {
        enabled: true,
        includeForgottenExports: true,
        reportFileName: `${name}.api.md`,
        reportFolder: folder,
        reportTempFolder: folder,
      },
      messages: {
        compilerMessageReporting: silent,
        extractorMessageReporting: silent,
        tsdocMessageReporting: silent,
      },
    },
  });
}

async function apiReportOf(name: string): Promise<string> {
  Extractor.invoke(configOf(name), {
    compilerState,
    localBuild: true,
    messageCallback: (message) => {
      message.handled = true;
    },
  });
  return readFile(join(folder, `${name}.api.md`), 'utf8');
}
