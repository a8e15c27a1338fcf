import process from 'node:process';
import { loadConfiguration } from '../../agent/adapters/configuration/load.js';
import { startGateway } from '../../agent/gateway.js';
import { createHostileEngine } from './hostile-engine.js';

// A program of its own: `tinylamp agent --config FILE` with an engine in which some models are hostile.

const gateway = await startGateway(
  loadConfiguration(process.argv.at(-1) ?? ''),
  [0, 0, 1],
  createHostileEngine,
);
const terminated = new Promise<void>((resolve) => process.once('SIGTERM', resolve));
const failure = await Promise.race([gateway.failed, terminated]);
if (failure instanceof Error) throw failure;
await gateway.stop();
