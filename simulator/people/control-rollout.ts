import type { Transport } from '../../agent/ports/transport.js';
import type { PublishTools } from '../../operator/publish/publish-tools.js';
import { openFleetEars } from '../../operator/rollout/fleet-ears.js';
import type { Rollout } from '../../operator/rollout/rollout.js';
import type { RolloutStore } from '../../operator/rollout/rollout-store.js';
import { runRollout } from '../../operator/rollout/run-rollout.js';
import { decodeVerdict } from '../../operator/rollout/verdict-file.js';
import type { VerdictRecord } from '../../operator/rollout/verdict-record.js';
import type { OperatorProcess } from './operator-process.js';
import type { OperatorWorld } from './operator.js';

/** What is told of a rollout while its controller runs. */
export interface RolloutWatch {
  readonly progress: (rollout: Rollout) => void;
  readonly decided: (rollout: Rollout, verdict: VerdictRecord) => void;
}

/** The process of a controller, and who watches it. */
interface Controller {
  readonly process: OperatorProcess;
  readonly tools: PublishTools;
  readonly watch: RolloutWatch;
}

const goodbyeMs = 2_000;

/**
 * The controller of `tinylamp rollout start`, from the first look to the end of the rollout.
 *
 * @param ears `listens` is called with 1 where it begins to listen to the fleet, and with -1 where it ends in order
 */
export async function controlRollout(
  begun: Rollout,
  { process, tools, watch }: Controller,
  world: OperatorWorld,
  { transport, listens }: { readonly transport: Transport; listens: (by: 1 | -1) => void },
): Promise<Rollout> {
  const { clock, topics, keyring, enrolled, notice, heardReport } = world;
  const { life, store, requests, scheduler } = process;
  const deviceIds = [...begun.roster, ...begun.enrolled].map(({ deviceId }) => deviceId);
  let isListening = false;
  try {
    const ears = await openFleetEars(
      transport,
      topics,
      { deviceIds, slot: begun.slot },
      scheduler,
      ({ code, detail }) => {
        notice(`${code}: ${detail}`);
      },
    );
    isListening = true;
    listens(1);
    const ended = await runRollout(begun, {
      publish: tools,
      store,
      requests,
      keyring,
      scheduler,
      now: () => clock.wallMs(),
      monotonicMs: () => clock.monotonicMs(),
      listen: (listener) =>
        ears.listen((deviceId, heard, isLive) => {
          if (heard.channel === 'report') heardReport(deviceId, heard.payload);
          listener(deviceId, heard, isLive);
        }),
      enrolled,
      hear: (added) => {
        ears.add(added);
      },
      decided: watch.decided,
      progress: watch.progress,
      signal: new AbortController().signal,
    });
    watch.progress(ended);
    return ended;
  } finally {
    if (isListening && !life.isOver) listens(-1);
    await transport.close(goodbyeMs);
  }
}

/** Tells what was decided, and written, before a controller was killed. */
export function catchUp(rollout: Rollout, store: RolloutStore, watch: RolloutWatch): void {
  const last = store.chainOf(rollout).read(rollout.chain.length);
  const verdict = last && decodeVerdict(last.text);
  if (verdict === undefined) watch.progress(rollout);
  else watch.decided(rollout, verdict);
}
