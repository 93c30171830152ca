// `storagebox/testing`: the conformance suite for backends of one's own, for any test runner.
export {
  type ConformanceCheck,
  conformanceChecks,
  conformanceSuite,
  type RepositoryPair,
  type TestRunner,
  type TestStorage,
} from './conformance-suite.js';
