import assert from 'node:assert/strict';
import { connectBroker, type BrokerClient } from '../../../operator/publish/broker-client.js';
import { ManualTime } from '../../../simulator/ports/manual-time.js';
import { MemoryBroker } from '../../../simulator/ports/memory-broker.js';
import { sampleWallMs } from '../../helpers/documents.js';

describe('what a broker retains, as a command reads it', () => {
  const topic = 'tinylamp/beacon';
  const time = new ManualTime(sampleWallMs);
  let broker: MemoryBroker;
  let client: BrokerClient;
  beforeEach(async () => {
    broker = new MemoryBroker(() => undefined);
    const scheduler = time.createScheduler();
    const connecting = connectBroker(
      broker.createTransport({ scheduler, spoolBytes: 1_024 }),
      scheduler,
    );
    await time.advance(100);
    client = await connecting;
  });

  /** What was read, and how long that took. */
  const read = async (isKnown: boolean): Promise<[bytes: number | undefined, tookMs: number]> => {
    let tookMs = -1;
    let bytes: Uint8Array | undefined;
    void client.readRetained(topic, isKnown).then((retained) => {
      bytes = retained;
      tookMs = passedMs;
    });
    let passedMs = 0;
    for (; tookMs < 0 && passedMs < 60_000; passedMs += 100) await time.advance(100);
    return [bytes?.length, tookMs];
  };

  it('is there at once', async () => {
    broker.retained.set(topic, Uint8Array.of(1, 2, 3));
    assert.deepEqual(await read(false), [3, 0]);
    assert.deepEqual(await read(true), [3, 0]);
  });

  for (const [what, isKnown, leastMs, mostMs] of [
    ['half a second where nobody knows of it', false, 400, 600],
    ['seconds where it was published before', true, 4_900, 5_100],
  ] as const) {
    it(`is waited for ${what}`, async () => {
      const [bytes, tookMs] = await read(isKnown);
      assert.equal(bytes, undefined);
      assert.ok(tookMs >= leastMs && tookMs <= mostMs, `${tookMs} ms`);
    });
  }
});
