import type { ResultMessage } from '../../protocol/messages/result.js';
import { draw } from '../scenario/values.js';
import { chanceOf } from '../devices/draws.js';
import type { Prng } from '../prng.js';
import type { Labels } from '../scenario/scenario.js';
import type { AcceptedResult } from '../simulation/simulation.js';
import { truthTopicOf } from '../simulation/traffic.js';

type WindowName = Pick<ResultMessage, 'boot' | 'window'>;

/** The world as somebody sees it who tells the truth. */
export interface LabellerWorld {
  readonly seed: number;
  after(delayMs: number, task: () => void): void;
  /** Publishes a label, not retained. Where the broker cannot be reached, it is lost. */
  publish(topic: string, payload: Uint8Array): void;
}

/** Somebody who tells devices the truth about their windows, late and with mistakes. */
export class Labeller {
  readonly #labels: Labels;
  readonly #world: LabellerWorld;
  readonly #classes: readonly string[];
  readonly #chances = new Map<string, Prng>();
  /** Windows that the two releases differ on and that were heard of: each is asked about once. */
  readonly #asked = new Set<string>();

  /** @param classes all classes that anybody names: a wrong label is one of the others */
  constructor(labels: Labels, world: LabellerWorld, classes: readonly string[]) {
    this.#labels = labels;
    this.#world = world;
    this.#classes = classes;
  }

  /** A result was published: its window is labelled, or is not. */
  heard({ deviceId, result, truth }: AcceptedResult): void {
    if (this.#labels.of === 'windows') this.#label(deviceId, result, truth);
  }

  /** A device has named a window on which champion and challenger differ. */
  differed(deviceId: string, name: WindowName, truth: string | undefined): void {
    const key = `${deviceId}/${name.boot}/${name.window}`;
    if (this.#labels.of !== 'disagreements' || this.#asked.has(key)) return;
    this.#asked.add(key);
    this.#label(deviceId, name, truth);
  }

  #label(deviceId: string, { boot, window }: WindowName, truth: string | undefined): void {
    const chance = this.#chanceOf(deviceId);
    const [chosen, mistaken, other] = [1, 2, 3].map(() => chance.uniform(0, 1));
    const delayMs = draw(this.#labels.delayMs, chance);
    if (truth === undefined || chosen === undefined || chosen >= this.#labels.share) return;
    const others = this.#classes.filter((each) => each !== truth);
    const isWrong = (mistaken ?? 1) < this.#labels.wrong;
    const wrong = others[Math.floor((other ?? 0) * others.length)];
    const label = isWrong && wrong !== undefined ? wrong : truth;
    this.#world.after(delayMs, () => {
      const payload = new TextEncoder().encode(JSON.stringify({ boot, window, label }));
      this.#world.publish(truthTopicOf(deviceId), payload);
    });
  }

  #chanceOf(deviceId: string): Prng {
    const known = this.#chances.get(deviceId) ?? chanceOf(this.#world.seed, 'labels', deviceId);
    this.#chances.set(deviceId, known);
    return known;
  }
}
