// `storagebox`: everything mirrored from the Python module, on DynamoDB.
export * from './core.js';
export * from './dynamodb/index.js';
