import type { DeviceKey } from '../../agent/ports/device-key.js';
import { openSign1, sealSign1 } from '../../protocol/cose/sign1.js';
import {
  encodeEvidence,
  parseEvidence,
  type BlockList,
  type Evidence,
} from '../../protocol/messages/evidence.js';

/** What a device makes of the challenger that it compares: always right alone, or always wrong alone. */
export type Lie = 'better' | 'worse';

/** The same evidence with every compared window won, or lost, by the challenger; signed by the device. */
export function lieAbout(envelope: Uint8Array, lie: Lie, key: DeviceKey): Uint8Array {
  const opened = openSign1(envelope, 'evidence');
  const evidence = opened.ok ? parseEvidence(opened.value.payload) : opened;
  // What is empty says that the comparison is over: there is nothing to lie about.
  if (!evidence.ok) return envelope;
  return sealSign1('evidence', key.kid, encodeEvidence(turned(evidence.value, lie)), (bytes) =>
    key.sign(bytes),
  );
}

function turned(evidence: Evidence, lie: Lie): Evidence {
  const { windows } = evidence.totals;
  const all = (count: number) => ({
    onlyChampionRight: lie === 'worse' ? count : 0,
    onlyChallengerRight: lie === 'better' ? count : 0,
    unlabelled: 0,
  });
  const blocks = (list: BlockList): BlockList => ({
    ...list,
    blocks: list.blocks.map((block) => ({ ...block, ...all(block.windows) })),
  });
  return {
    ...evidence,
    totals: { windows, ...all(windows), disagreements: windows, labelled: windows },
    shadow: blocks(evidence.shadow),
    served: blocks(evidence.served),
  };
}
