import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { createKeyFolder } from '../../../operator/keys/key-folder.js';
import { startRawBroker } from './mqtt/raw-broker.js';
import { createDiskFiles } from '../../../operator/adapters/disk-files.js';
import { generateSigningKey } from '../../../agent/adapters/signing-key.js';

const command = path.resolve(import.meta.dirname, '../../../../bin/tinylamp.js');

describe('The secrets of a gateway', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-secrets-'));
    createKeyFolder(createDiskFiles(), path.join(folder, 'keys'), generateSigningKey(), Date.now());
    writeFileSync(path.join(folder, 'password'), 'hunter2\n');
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('stay out of what the agent prints when the broker refuses them', async () => {
    const broker = await startRawBroker((socket) => socket.end(Uint8Array.of(0x20, 3, 0, 0x86, 0)));
    const config = path.join(folder, 'agent.yaml');
    writeFileSync(
      config,
      [
        'deviceId: press-7',
        'stateDir: state',
        `mqtt: {url: "${broker.url}", username: press-7, passwordFile: password}`,
        'trust: {keyset: keys/keyset.cbor}',
        'slots: {vibration: {source: {type: mqtt, topic: a, decode: raw}}}',
        '',
      ].join('\n'),
    );
    const agent = spawn(process.execPath, [command, 'agent', '--config', config], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let printed = '';
    const refused = new Promise<void>((resolve, reject) => {
      for (const stream of [agent.stdout, agent.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          printed += text;
          if (printed.includes('credentials-refused')) resolve();
        });
      }
      agent.once('exit', () => {
        reject(new Error(`the agent ended: ${printed}`));
      });
    });
    try {
      await refused;
      const ended = once(agent, 'exit');
      agent.kill('SIGTERM');
      await ended;
    } finally {
      agent.kill('SIGKILL');
      await broker.close();
    }
    assert.doesNotMatch(printed, /hunter2/);
  });
});
