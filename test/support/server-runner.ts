// Leaves out the test files whose server is missing: they show as skipped, with the reason.
import { inject, TestRunner, test } from 'vitest';
import { neededBy } from './needs.js';

export default class ServerRunner extends TestRunner {
  override importFile(file: string, source: 'collect' | 'setup'): unknown {
    const missing = Object.entries(inject('missing'));
    if (source === 'collect' && missing.length > 0) {
      const needed = neededBy(file);
      const reasons = missing.filter(([key]) => needed.has(key)).map(([, name]) => name);
      if (reasons.length > 0) return test.skip(`left out: no ${reasons.join(', no ')}`);
    }
    return super.importFile(file, source);
  }
}
