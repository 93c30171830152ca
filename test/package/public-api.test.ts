// What each entry point exports, as a text beside the code, so that a change of it is seen in a diff.
// After an intended change: npx vitest run -u --project store test/package/public-api.test.ts
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ENTRY_POINTS } from '../../entry-points.js';
import { type Build, buildPackage } from '../support/packed-package.js';

let folder: string;
let build: Build;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storagebox-api-'));
  build = await buildPackage(folder);
});
afterAll(() => rm(folder, { recursive: true }));

test.each(ENTRY_POINTS)('$specifier exports what its snapshot says', async ({ name }) => {
  await expect(await apiReportOf(name)).toMatchFileSnapshot(`../../api/${name}.api.md`);
});

async function apiReportOf(name: string): Promise<string> {
  const silent = { default: { logLevel: 'none' as never } };
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(build.folder, 'package.json'),
    configObject: {
      projectFolder: build.folder,
      mainEntryPointFilePath: join(build.folder, `dist/${name}.d.ts`),
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
  Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      message.handled = true;
    },
  });
  return readFile(join(folder, `${name}.api.md`), 'utf8');
}
