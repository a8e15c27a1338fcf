import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** A real agent in a process of its own, as a gateway runs it. */
export interface GatewayProcess {
  readonly deviceId: string;
  /** Ends it, and tells how it ended: `in order`, or the last that it said. */
  stop(): Promise<string>;
}

export interface GatewayProcessOptions {
  readonly folder: string;
  readonly deviceId: string;
  readonly broker: string;
  readonly prefix: string;
  readonly slot: string;
  readonly sensorTopic: string;
  readonly keyset: string;
  readonly truthTopic: string;
  readonly telemetrySchedule: string;
}

/** Writes a configuration as its owner would, and starts `tinylamp agent` with it. */
export function startGatewayProcess(options: GatewayProcessOptions): GatewayProcess {
  const { folder, deviceId, broker, prefix, slot, sensorTopic, keyset } = options;
  const { truthTopic, telemetrySchedule } = options;
  const configuration = path.join(folder, `${deviceId}.yaml`);
  writeFileSync(
    configuration,
    [
      `deviceId: ${deviceId}`,
      `stateDir: ${JSON.stringify(path.join(folder, deviceId))}`,
      `mqtt: {url: ${JSON.stringify(broker)}, prefix: ${prefix}}`,
      `trust: {keyset: ${JSON.stringify(keyset)}}`,
      'slots:',
      `  ${slot}:`,
      `    source: {type: mqtt, topic: ${sensorTopic}, decode: json, fields: [/x, /y, /z]}`,
      `    truth: {type: mqtt, topic: ${truthTopic}}`,
      `telemetry: {schedule: ${JSON.stringify(telemetrySchedule)}}`,
      '',
    ].join('\n'),
  );
  const program = fileURLToPath(import.meta.resolve('#tinylamp'));
  const child = spawn(process.execPath, [program, 'agent', '--config', configuration], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log = path.join(folder, `${deviceId}.log`);
  child.stderr.pipe(createWriteStream(log));
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    deviceId,
    async stop() {
      child.kill('SIGTERM');
      if ((await exited) === 0) return 'in order';
      return readFileSync(log, 'utf8').trim().split('\n').at(-1) ?? 'without a word';
    },
  };
}
