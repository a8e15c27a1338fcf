import type { LinkKind, LinkTerms } from '../broker/link-kinds.js';
import type { HostLimits } from '../devices/device-host.js';
import type { ComputeRates } from './cost-model.js';

/** A kind of device: how fast it is, what it holds, how it is connected, and what all that takes. */
export interface Board {
  readonly name: string;
  /** The label `class` of its devices. */
  readonly class: string;
  readonly limits: HostLimits;
  readonly flash: FlashTerms;
  readonly rates: ComputeRates;
  /** The name of the link that it has. */
  readonly link: LinkKind;
  /** That link, with what the board has of its own. */
  readonly linkTerms: LinkTerms;
  /** Of a bit that is sent or received, in joules. */
  readonly radioJPerBit: number;
  readonly power: PowerTerms;
}

/** Memory that wears out. */
export interface FlashTerms {
  readonly bytes: number;
  /** What is erased at once. */
  readonly blockBytes: number;
  /** What each block endures. */
  readonly writesPerBlock: number;
}

/** What a device takes from its battery or the mains, without its radio. */
export interface PowerTerms {
  /** In joules; undefined on the mains. */
  readonly batteryJ: number | undefined;
  readonly activeW: number;
  readonly sleepW: number;
  /** Share of the time in which it is awake at least, however little it computes. */
  readonly dutyCycle: number;
}
