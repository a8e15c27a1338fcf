import { shortestTrial, encodePolicy, everyone } from '../../protocol/documents/policy.js';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { sealSign1 } from '../../protocol/cose/sign1.js';
import { createTopics } from '../../protocol/topics.js';
import { generateSigningKey, type SigningKey } from '../../agent/adapters/signing-key.js';
import { startAgent, type AgentProcess } from '../helpers/agent-process.js';
import { runCommand } from '../helpers/command-line.js';
import { findFreePort } from '../helpers/mosquitto.js';
import type { Onlooker } from '../helpers/onlooker.js';
import { requires } from '../helpers/requires.js';
import { Site, WindowSender } from '../helpers/site.js';

const topics = createTopics('tinylamp');

describe('an agent in service', () => {
  let site: Site;
  let onlooker: Onlooker;
  let agent: AgentProcess;
  const sender = new WindowSender('imbalance', 1);

  before(async function () {
    requires(this, 'mosquitto');
    site = await Site.open();
    onlooker = await site.watch();
    await site.publish(site.release('vibration-v1', 1));
    agent = site.startAgent();
    await onlooker.events.find(({ event }) => event === 'trial');
    await answerNextInASession();
    await onlooker.events.find(({ event }) => event === 'committed');
  });

  after(async () => {
    await agent?.end();
    await onlooker?.leave();
    await site?.close();
  });

  /** Sends one window and waits for its answer, by release 1 and right. */
  async function answerNext(): Promise<void> {
    const from = onlooker.results.length;
    await onlooker.publish(site.sensorTopic, sender.next());
    const { sequence, label } = await onlooker.results.find(() => true, from);
    assert.deepEqual([sequence, label], [1, 'imbalance']);
  }

  /** Sends windows until one is answered: between two sessions nobody takes them. */
  async function answerNextInASession(): Promise<void> {
    const from = onlooker.results.length;
    const sending = setInterval(() => {
      onlooker.publish(site.sensorTopic, sender.next()).catch(() => undefined);
    }, 100);
    try {
      await onlooker.results.find(() => true, from);
    } finally {
      clearInterval(sending);
    }
  }

  describe('under hostile traffic', () => {
    const policyTopic = topics.policy('vibration');
    const stranger = generateSigningKey();
    const policy = (slot: string, version: number): Uint8Array =>
      encodePolicy({
        version,
        slot,
        champion: { sequence: 9, manifest: new Uint8Array(32) },
        arms: [
          {
            name: 'everyone',
            release: { sequence: 9, manifest: new Uint8Array(32) },
            exposure: everyone,
            salt: new Uint8Array(8),
          },
        ],
        promoted: undefined,
        trial: shortestTrial,
        gate: undefined,
      });
    const sealed = (type: 'policy' | 'beacon', payload: Uint8Array, key: SigningKey): Uint8Array =>
      sealSign1(type, key.kid, payload, (bytes) => key.sign(bytes));

    const attacks: readonly (readonly [what: string, code: string, bytes: () => Uint8Array])[] = [
      ['bytes that are no CBOR', 'cbor-', () => Uint8Array.of(0xbf, 0xff, 0x00)],
      ['CBOR that is nested without end', 'cbor-', () => new Uint8Array(50_000).fill(0x81)],
      ['a map where COSE is expected', 'cose-invalid', () => Uint8Array.of(0xa0)],
      [
        'a COSE message of the wrong shape',
        'cose-invalid',
        () => Uint8Array.of(0xd2, 0x84, 0x41, 0xa0, 0xa0, 0x40, 0x40),
      ],
      [
        'a policy signed by a stranger',
        'key-unknown',
        () => sealed('policy', policy('vibration', 99), stranger),
      ],
      [
        'a policy that was changed after it was signed',
        'signature-invalid',
        () => {
          const bytes = sealed('policy', policy('vibration', 99), site.keys.key);
          bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
          return bytes;
        },
      ],
      [
        'a policy of another slot',
        'policy-misplaced',
        () => sealed('policy', policy('vision', 99), site.keys.key),
      ],
      [
        'a signed policy with garbage inside',
        'document-invalid',
        () => sealed('policy', Uint8Array.of(0x80), site.keys.key),
      ],
      [
        'a beacon in the place of a policy',
        'document-type-mismatch',
        () => sealed('beacon', policy('vibration', 99), site.keys.key),
      ],
      [
        'a document that is larger than any',
        'document-too-large',
        () => new Uint8Array(100_000).fill(0x5a),
      ],
    ];
    for (const [what, code, bytes] of attacks) {
      it(`reports ${what} and goes on answering`, async () => {
        await onlooker.publish(policyTopic, bytes());
        // The same cause is told once a minute.
        const refused = await onlooker.events.find(
          (each) => each.event === 'document-refused' && each.code?.startsWith(code) === true,
        );
        assert.equal(refused.slot, 'vibration');
        await answerNext();
      });
    }

    it('reports samples that are none, once, and goes on answering', async () => {
      const from = onlooker.events.length;
      for (const text of ['', '{', '[]', '{"x": [1], "y": [1, 2], "z": [1]}', '{"x": "1"}']) {
        await onlooker.publish(site.sensorTopic, text);
      }
      await answerNext();
      const refused = onlooker.events.entries.slice(from);
      assert.deepEqual(
        refused.map(({ event, code }) => [event, code]),
        [['sample-refused', 'sample-invalid']],
      );
    });

    const skipsLargeMessages = async (): Promise<void> => {
      const [from, logged] = [onlooker.events.length, agent.log.length];
      await onlooker.publish(policyTopic, new Uint8Array(300_000).fill(0x20));
      const skipped = await onlooker.events.find(
        ({ event }) => event === 'message-too-large',
        from,
      );
      assert.equal(skipped.code, 'message-too-large');
      await answerNext();
      const ended = agent.log.entries.slice(logged).filter(({ msg }) => msg === 'disconnected');
      assert.deepEqual(ended, []);
    };

    it('skips a document that is larger than any packet, in the same session', skipsLargeMessages);

    it('skips it with MQTT 3.1.1 as well', async () => {
      await agent.end();
      site.configure({ protocol: '3.1.1' });
      const states = onlooker.states.length;
      agent = site.startAgent();
      await onlooker.states.find(({ slots }) => slots['vibration']?.current === 1, states);
      await answerNextInASession();
      await skipsLargeMessages();
    });

    it('has neither lost nor changed anything', async () => {
      const state = onlooker.states.entries.at(-1)?.slots['vibration'];
      assert.deepEqual([state?.current, state?.candidate], [1, undefined]);
      assert.equal(agent.complaints(), '');
      // Release 2 comes in as if nothing had been.
      const from = onlooker.events.length;
      await site.publish(site.release('vibration-v2', 2));
      await onlooker.events.find(({ event }) => event === 'trial', from);
      await onlooker.publish(site.sensorTopic, sender.next());
      await onlooker.events.find(
        ({ event, release }) => event === 'committed' && release === 2,
        from,
      );
    });
  });

  describe('through restarts', () => {
    it('comes back by itself each time the broker was away, with what it was running', async () => {
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const presences = onlooker.presences.length;
        await site.broker.halt(signal);
        await site.broker.resume();
        await onlooker.presences.find(({ online }) => online, presences);
        await answerNextInASession();
      }
      assert.equal(onlooker.results.entries.at(-1)?.sequence, 2);
    });

    it('says goodbye at SIGTERM, and the broker says it at SIGKILL', async () => {
      const before = onlooker.presences.length;
      assert.equal(await agent.end('SIGTERM'), 0);
      const offline = await onlooker.presences.find(({ online }) => !online, before);
      agent = site.startAgent();
      const online = await onlooker.presences.find((each) => each.online, before);
      assert.equal(online.boot, offline.boot + 1);
      assert.equal(await agent.end('SIGKILL'), 'SIGKILL');
      const will = await onlooker.presences.find(
        (each) => !each.online && each.boot === online.boot,
        before,
      );
      assert.equal(will.connection, online.connection);
      assert.equal(agent.complaints(), '');
    });

    it('leaves its state directory to one process at a time', async () => {
      const states = onlooker.states.length;
      agent = site.startAgent();
      await onlooker.states.find(() => true, states);
      const second = await runCommand(['agent', '--config', site.configFile], site.folder);
      assert.match(second.stderr, /^tinylamp: state-dir-in-use: /);
      assert.equal(second.exitCode, 2);
      await answerNextInASession();
    });

    it('waits for a broker that is not there yet, and ends in order meanwhile', async () => {
      await agent.end();
      const port = await findFreePort();
      site.configure({ url: `mqtt://127.0.0.1:${port}` });
      agent = site.startAgent();
      const isUnreachable = ({ code }: { code?: string }): boolean => code === 'broker-unreachable';
      await agent.log.find(isUnreachable);
      const since = performance.now();
      assert.equal(await agent.end('SIGTERM'), 0);
      assert.ok(performance.now() - since < 10_000, 'it took too long to end');
      assert.equal(agent.complaints(), '');
      site.configure();
    });

    it('is there when the broker comes up at last', async () => {
      await site.broker.halt();
      agent = site.startAgent();
      await agent.log.find(({ code }) => code === 'broker-unreachable');
      const presences = onlooker.presences.length;
      await site.broker.resume();
      await onlooker.presences.find(({ online }) => online, presences);
      await answerNextInASession();
    });

    it('ends with a message and an exit code when an invariant breaks, not half-dead', async () => {
      await agent.end();
      // From the third write on the disk says what no disk says.
      const fault = path.join(site.folder, 'fault.mjs');
      writeFileSync(
        fault,
        `import { promises } from 'node:fs';
       import { syncBuiltinESMExports } from 'node:module';
       const { rename } = promises;
       let renames = 0;
       promises.rename = (...names) => {
         if (++renames > 2) throw new Error('the disk sings');
         return rename(...names);
       };
       syncBuiltinESMExports();`,
      );
      agent = startAgent(site.configFile, ['--import', pathToFileURL(fault).href]);
      await site.publish(site.release('vibration-v1', 3));
      assert.equal(await agent.exited, 1);
      assert.match(agent.complaints(), /the disk sings/);
      agent = site.startAgent();
      await answerNextInASession();
    });
  });
});

describe('tinylamp simulate', () => {
  it('runs a fleet of twenty devices against a broker', async function () {
    requires(this, 'mosquitto');
    const site = await Site.open();
    try {
      await site.publish(site.release('vibration-v1', 1));
      const fleet = await Promise.all(
        Array.from({ length: 20 }, (_, i) => site.watch(`sim-${String(i + 1).padStart(4, '0')}`)),
      );
      const line = `simulate --devices 20 --live --broker ${site.broker.url} --keys keys --period 200 --seconds 6 --json`;
      const { exitCode, stdout, stderr } = await runCommand(line.split(' '), site.folder);
      assert.equal(exitCode, 0, stderr);
      assert.equal((JSON.parse(stdout) as { devices: number }).devices, 20);
      for (const device of fleet) {
        assert.ok(device.results.entries.some(({ sequence }) => sequence === 1));
        assert.equal(device.presences.entries.at(-1)?.online, false);
        await device.leave();
      }
    } finally {
      await site.close();
    }
  });
});
