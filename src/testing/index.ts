// `storagebox/testing`: the conformance suite for backends of one's own, for any test runner.
export type { ConformanceCheck, RepositoryPair, TestStorage } from './conformance-check.js';
export { conformanceChecks, conformanceSuite, type TestRunner } from './conformance-suite.js';
