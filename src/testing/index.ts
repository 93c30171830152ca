// `storagebox/testing`: the conformance suite for backends of one's own, for any test runner.
export type {
  ConformanceCheck,
  ConformanceNeed,
  CreateStorage,
  OwnWritesForTests,
  PromiseName,
  RepositoryPair,
  TestStorage,
} from './conformance-check.js';
export {
  type ConformanceReport,
  conformanceChecks,
  conformanceReport,
  conformanceSuite,
  type TestRunner,
} from './conformance-suite.js';
