import { leastLatencyMs, type WayTerms } from './link.js';

/** Both ways of a link. */
export interface LinkTerms {
  readonly up: WayTerms;
  readonly down: WayTerms;
  /** Share of packets that end the session. */
  readonly loss: number;
}

const way = (least: number, most: number, bitPerS?: number): WayTerms => ({
  bitPerS,
  latencyMs: [Math.max(leastLatencyMs, least), most],
});

const link = (
  least: number,
  most: number,
  upBitPerS?: number,
  downBitPerS?: number,
): LinkTerms => ({
  up: way(least, most, upBitPerS),
  down: way(least, most, downBitPerS),
  loss: 0,
});

/**
 * Links by name. Latencies are those of the scenario contract, one way; bandwidths are typical ones: LTE-M and
 * NB-IoT as half-duplex user equipment of release 13 gets them, LoRa as a gateway that relays at SF7 gets it.
 */
export const linkKinds = {
  ethernet: link(20, 20),
  wifi: link(20, 60, 20e6, 20e6),
  lte: link(40, 120, 5e6, 20e6),
  'lte-m': link(80, 400, 375e3, 300e3),
  'nb-iot': link(500, 4_000, 62.5e3, 25e3),
  'lora-gateway': link(1_000, 3_000, 5.5e3, 5.5e3),
} as const satisfies Record<string, LinkTerms>;

/** The name of a link. */
export type LinkKind = keyof typeof linkKinds;
