import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { findFreePort } from './mosquitto.js';

/** A real NATS server that speaks MQTT 3.1.1, and keeps retained messages in JetStream. */
export interface Nats {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts it on the loopback interface, in a folder of its own. Call `requires(this, 'nats')` first. */
export async function startNats(): Promise<Nats> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-nats-'));
  const [port, mqttPort] = [await findFreePort(), await findFreePort()];
  writeFileSync(
    path.join(folder, 'nats.conf'),
    // MQTT wants a server with a name.
    `server_name: "test"
listen: "127.0.0.1:${port}"
jetstream {store_dir: "${folder}"}
mqtt {listen: "127.0.0.1:${mqttPort}"}
`,
  );
  const { PATH = '' } = process.env;
  const broker = spawn('nats-server', ['-c', 'nats.conf'], {
    cwd: folder,
    env: { ...process.env, PATH: `${PATH}:/usr/sbin:/usr/local/sbin` },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const killWithParent = (): void => {
    broker.kill('SIGKILL');
  };
  process.once('exit', killWithParent);
  await new Promise<void>((resolve, reject) => {
    let log = '';
    broker.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('Server is ready')) resolve();
    });
    broker.once('error', reject);
    broker.once('close', () => {
      reject(new Error(`NATS ended: ${log}`));
    });
  });
  return {
    url: `mqtt://127.0.0.1:${mqttPort}`,
    async stop() {
      const ended = once(broker, 'exit');
      broker.kill();
      await ended;
      process.off('exit', killWithParent);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
