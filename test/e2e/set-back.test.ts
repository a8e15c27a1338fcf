import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { encodeReleaseFile } from '../../protocol/documents/release-file.js';
import { runCommand, type CommandOutcome } from '../helpers/command-line.js';
import { startMosquitto } from '../helpers/mosquitto.js';
import type { Onlooker } from '../helpers/onlooker.js';
import { requires } from '../helpers/requires.js';
import { Site, WindowSender } from '../helpers/site.js';

/** A broker whose disk is put back to an earlier state: a backup, or a snapshot of its machine. */
describe('publishing to a broker that was set back', () => {
  let site: Site;
  let onlooker: Onlooker;

  before(async function () {
    requires(this, 'mosquitto');
    site = await Site.open(
      startMosquitto({
        config: (port) =>
          `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence true\nset_tcp_nodelay true\n`,
      }),
    );
    onlooker = await site.watch();
    for (const sequence of [1, 2, 3]) {
      const model = sequence === 2 ? 'vibration-v2' : 'vibration-v1';
      const { envelope, artifacts } = site.release(model, sequence);
      writeFileSync(
        path.join(site.folder, `v${sequence}.tinylamp`),
        encodeReleaseFile(envelope, artifacts),
      );
    }
  });

  after(async () => {
    await onlooker?.leave();
    await site?.close();
  });

  const command = (words: string): Promise<CommandOutcome> =>
    runCommand([...words.split(' '), '--broker', site.broker.url, '--keys', 'keys'], site.folder);
  const succeed = async (words: string): Promise<Record<string, unknown>> => {
    const { exitCode, stdout, stderr } = await command(`${words} --json`);
    assert.equal(exitCode, 0, stderr);
    return { ...(JSON.parse(stdout) as object), stderr };
  };
  const database = (): string => path.join(site.broker.folder, 'mosquitto.db');
  const backup = (): string => path.join(site.broker.folder, 'backup.db');

  it('puts right what it shows, and says so; a device follows', async () => {
    const agent = site.startAgent();
    const sender = new WindowSender('normal', 1);
    const sending = setInterval(() => {
      onlooker.publish(site.sensorTopic, sender.next()).catch(() => undefined);
    }, 100);
    try {
      await succeed('publish v1.tinylamp');
      await site.broker.halt();
      copyFileSync(database(), backup());
      await site.broker.resume();
      await succeed('publish v2.tinylamp');
      await onlooker.events.find(({ event, release }) => event === 'committed' && release === 2);
      await site.broker.halt();
      copyFileSync(backup(), database());
      await site.broker.resume();
      const renewed = await succeed('beacon renew');
      assert.equal(renewed['beaconCounter'], 3);
      assert.deepEqual(renewed['policies'], { vibration: 2 });
      assert.match(
        String(renewed['stderr']),
        /^the broker showed policy 1 of vibration: policy 2 is published again$/m,
      );
      assert.match(
        String(renewed['stderr']),
        /^the broker showed beacon 1: beacon 2 is published again$/m,
      );
      const { policyVersion, beaconCounter } = await succeed('publish v3.tinylamp');
      assert.deepEqual([policyVersion, beaconCounter], [3, 4]);
      await onlooker.events.find(({ event, release }) => event === 'committed' && release === 3);
    } finally {
      clearInterval(sending);
      await agent.end();
    }
  });
});
