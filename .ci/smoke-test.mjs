import * as storagebox from 'storagebox';
import * as core from 'storagebox/core';
import * as memory from 'storagebox/memory';
import * as testing from 'storagebox/testing';
import { handOut } from './hand-out.cjs';

await handOut('import', { storagebox, core, memory, testing });
