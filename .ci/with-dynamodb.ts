// Runs a command while a DynamoDB Local answers, which the SDK's default client finds by itself.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { useDynamoDb } from '../examples/quickstart/endpoint.js';

const [command = '', ...args] = process.argv.slice(2);
const { endpoint, stop } = await useDynamoDb();
const child = spawn(command, args, {
  stdio: 'inherit',
  env: {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    ...process.env,
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  },
});
const [exitCode] = await once(child, 'exit');
await stop();
process.exitCode = exitCode ?? 1;
