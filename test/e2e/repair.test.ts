import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { sameBytes, toHex } from '../../protocol/bytes.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { createTopics } from '../../protocol/topics.js';
import type { BrokerClient } from '../../operator/publish/broker-client.js';
import { parseReleaseFile } from '../../operator/release/release-file.js';
import { openBrokerSession } from '../helpers/broker-session.js';
import { program, runCommand } from '../helpers/command-line.js';
import { requires } from '../helpers/requires.js';
import { Site } from '../helpers/site.js';

const crypto = createNodeCrypto();
const topics = createTopics('tinylamp');
const slot = 'vibration';

/** Real commands and a real Mosquitto that loses what it retains. */
describe('what a broker has lost of a release', function () {
  this.timeout(300_000);
  let site: Site;
  let session: BrokerClient;
  const children: ChildProcess[] = [];

  before(async function () {
    requires(this, 'mosquitto');
    site = await Site.open();
    session = await openBrokerSession(site.broker.url);
    for (const name of [
      'vibration-v1.tflite',
      'vibration-v2.tflite',
      'labels.txt',
      'pipeline.json',
    ]) {
      const from = fileURLToPath(import.meta.resolve(`#demo-models/${name}`));
      copyFileSync(from, path.join(site.folder, name));
    }
    await run('enrol', site.deviceId, '--keys', 'keys');
    for (const version of ['1', '2']) {
      await run(
        ...['release', 'build', `vibration-v${version}.tflite`, '--slot', slot, '--keys', 'keys'],
        ...['--labels', 'labels.txt', '--pipeline', 'pipeline.json', '--sequence', version],
        ...['--block-bytes', '4096', '-o', `v${version}.tinylamp`],
      );
    }
    await run('publish', 'v1.tinylamp', ...where());
  });

  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await session?.close();
    await site?.close();
  });

  const run = async (...words: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await runCommand(words, site.folder);
    assert.equal(exitCode, 0, `${words.join(' ')}\n${stderr}`);
    return stdout;
  };
  const where = (): readonly string[] => ['--broker', site.broker.url, '--keys', 'keys'];
  const read = (file: string): ReleaseFile =>
    parseReleaseFile(new Uint8Array(readFileSync(path.join(site.folder, file))), crypto);
  const retained = async (topic: string): Promise<Uint8Array> => {
    const bytes = await session.readRetained(topic, true);
    assert.ok(bytes, `nothing is retained on ${topic}`);
    return bytes;
  };
  const lose = async (topic: string): Promise<void> => {
    await session.publish(topic, new Uint8Array());
    assert.equal(await session.readRetained(topic), undefined);
  };

  it('was cut as release build was told to', async () => {
    const { manifest, artifacts } = read('v1.tinylamp');
    const sizes = manifest.artifacts.map(({ transfers }) => transfers[0]?.blockSize);
    assert.deepEqual(new Set(sizes), new Set([4096]));
    const [model] = manifest.artifacts;
    const bytes = artifacts[0] ?? new Uint8Array();
    assert.ok(model && bytes.length > 4096);
    const digest = toHex(model.digest);
    assert.ok(sameBytes(await retained(topics.block(digest, 1)), bytes.slice(4096, 8192)));
    const { exitCode } = await runCommand(
      ['release', 'build', 'vibration-v1.tflite', '--slot', slot, '--block-bytes', '4095'],
      site.folder,
    );
    assert.equal(exitCode, 2);
  });

  it('is put back byte for byte by publish --repair, and policy and beacon stay as they are', async () => {
    const digest = toHex(read('v1.tinylamp').manifest.artifacts[0]?.digest ?? new Uint8Array());
    const lost = [topics.block(digest, 0), topics.block(digest, 1), topics.manifest(slot, 1)];
    const kept = [topics.policy(slot), topics.beacon()];
    const before = await Promise.all([...lost, ...kept].map(retained));
    await lose(lost[0] ?? '');
    await session.publish(lost[1] ?? '', Uint8Array.of(1, 2, 3));
    await lose(lost[2] ?? '');
    const printed: unknown = JSON.parse(
      await run('publish', 'v1.tinylamp', '--repair', '--json', ...where()),
    );
    assert.deepEqual(Object.keys(printed as object), ['slot', 'sequence', 'blocks']);
    assert.deepEqual(await Promise.all([...lost, ...kept].map(retained)), before);
  });

  it('is put back by a controller: blocks where it was given the file, manifests without it too', async () => {
    const start = async (...file: readonly string[]): Promise<ChildProcess> => {
      const words = [
        program,
        'rollout',
        'start',
        ...file,
        '--slot',
        slot,
        ...where(),
        '--over',
        '0',
        '--safe',
        '5',
      ];
      const child = spawn(process.execPath, words, {
        cwd: site.folder,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      children.push(child);
      await once(child.stderr, 'data');
      return child;
    };
    const { manifest, envelope } = read('v2.tinylamp');
    const digest = toHex(manifest.artifacts[0]?.digest ?? new Uint8Array());
    const asks = async (of: string, lost: string): Promise<void> => {
      const bytes = await session.readRetained(lost, true);
      await lose(lost);
      const want = of === digest ? { blockSize: 4096, blocks: [0] } : { blocks: [] };
      const payload = new TextEncoder().encode(JSON.stringify({ device: site.deviceId, ...want }));
      for (let tries = 0; tries < 20; tries++) {
        await session.send(topics.want(of), payload);
        const back = await session.readRetained(lost);
        if (back === undefined) continue;
        assert.deepEqual(back, bytes);
        return;
      }
      assert.fail(`${lost} was not put back`);
    };
    const first = await start('v2.tinylamp');
    while ((await session.readRetained(topics.policy(slot))) === undefined) continue;
    while ((await session.readRetained(topics.manifest(slot, 2))) === undefined) continue;
    await asks(digest, topics.block(digest, 0));
    first.kill('SIGINT');
    await once(first, 'exit');
    await start();
    await asks(toHex(crypto.sha256(envelope)), topics.manifest(slot, 2));
    await asks(toHex(crypto.sha256(read('v1.tinylamp').envelope)), topics.manifest(slot, 1));
  });
});
