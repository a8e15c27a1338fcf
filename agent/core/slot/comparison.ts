import type { ShadowTerms } from '../../../protocol/documents/policy.js';
import type { Rejection } from '../../../protocol/result.js';
import type { Device } from '../device.js';
import { Shadow, type ServedWindow } from '../experiment/shadow.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import { progressMs } from '../update/trial.js';
import type { CandidateRecord } from './candidate-record.js';
import type { Offer } from './offer.js';
import type { Service } from './service.js';

/** What becomes of a comparison. */
export interface ComparisonListener {
  /** It is made. */
  finished(offer: Offer): void;
  /** The challenger is given up. */
  failed(offer: Offer, rejection: Rejection): void;
  /** The challenger was late and lost its instances: it is to be loaded again. */
  late(offer: Offer, challenger: LoadedRelease): void;
}

/** Lets an offered release answer in the shadow of the champion. */
export class Comparison {
  readonly #device: Device;
  readonly #record: CandidateRecord;
  readonly #service: Service;
  readonly #listener: ComparisonListener;
  /** What is under way, from the moment that a release is compared. */
  #shadow: Shadow | undefined;
  #stopLooking = (): void => undefined;

  constructor(
    device: Device,
    record: CandidateRecord,
    service: Service,
    listener: ComparisonListener,
  ) {
    this.#device = device;
    this.#record = record;
    this.#service = service;
    this.#listener = listener;
  }

  begin(offer: Offer, loaded: LoadedRelease, terms: ShadowTerms): void {
    const shadow = new Shadow(loaded, terms, this.#device, this.#service, {
      finished: () => {
        this.#device.publishReports();
        this.#listener.finished(offer);
      },
      failed: (rejection) => {
        this.#device.publishReports();
        this.#listener.failed(offer, rejection);
      },
      late: (challenger) => {
        this.#listener.late(offer, challenger);
      },
    });
    this.#shadow = shadow;
    this.#lookLater(offer, shadow);
  }

  /** The challenger sees no window any more. Gives what was under way: it may be answering one still. */
  end(): Shadow | undefined {
    this.#stopLooking();
    const shadow = this.#shadow;
    shadow?.end();
    this.#shadow = undefined;
    return shadow;
  }

  /** A later policy demands something else. */
  demand(terms: ShadowTerms): void {
    this.#shadow?.demand(terms);
  }

  /** A window was served. */
  take(window: ServedWindow): void {
    this.#shadow?.take(window);
  }

  /** Goes on with instances that were made anew. */
  resume(challenger: LoadedRelease): void {
    this.#shadow?.resume(challenger);
  }

  /** As with a trial: once it has answered for a while, its loads count anew, and starts may come and go. */
  #lookLater(offer: Offer, shadow: Shadow): void {
    const { tasks } = this.#device;
    this.#stopLooking = tasks.after(progressMs, () => {
      if (shadow.ended) return;
      if (shadow.answered > 0) tasks.run(this.#record.forgiveLoads(offer));
      else this.#lookLater(offer, shadow);
    });
  }
}
