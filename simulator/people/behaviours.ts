import { chanceOf } from '../devices/draws.js';
import type { Behaviour, BehaviourOf } from '../devices/simulated-engine.js';
import type { Release } from '../scenario/scenario.js';
import { matches, type DeviceFacts } from '../scenario/selector.js';

/** What makes the model of a release that behaves differently another file than that of one that does not. */
const marker = new TextEncoder().encode('behaves: ');
const markerBytes = 16;

/** The model of a release that behaves differently: bytes behind a FlatBuffer mean nothing to it. */
export function markModel(model: Uint8Array, release: number): Uint8Array {
  const marked = new Uint8Array(model.length + markerBytes);
  marked.set(model);
  marked.set(marker, model.length);
  marked[marked.length - 1] = release;
  return marked;
}

/** What the devices of a scenario do beyond the models of its releases. */
export function createBehaviours(
  releases: readonly Release[],
  seed: number,
  device: {
    readonly factsOf: (deviceId: string) => DeviceFacts;
    /** The sequence number of what serves on a device now. */
    readonly servingOf: (deviceId: string) => number | undefined;
  },
  /** Whether this is an input of a release's self-test, which is no window: releases by their place. */
  isGolden: (release: number, input: Uint8Array) => boolean,
): (deviceId: string) => BehaviourOf {
  return (deviceId) => (model) => {
    const index = markedRelease(model);
    const behaves = index === undefined ? undefined : releases[index]?.behaves;
    if (index === undefined || behaves === undefined) return undefined;
    const chance = chanceOf(seed, `behaves ${index}`, deviceId);
    const behaviour: Behaviour = (input) => {
      if (isGolden(index, input)) return asItIs;
      // Always as many draws, so that a window is the same whatever became of the one before.
      const [traps, hangs, errs, errsServing] = [0, 1, 2, 3].map(() => chance.uniform(0, 1));
      if (!matches(behaves.where, device.factsOf(deviceId))) return asItIs;
      const serves = device.servingOf(deviceId) === index + 1;
      const isWrong =
        (errs ?? 1) < behaves.wrong || (serves && (errsServing ?? 1) < behaves.wrongWhenServing);
      const ends =
        (traps ?? 1) < behaves.trap
          ? 'engine-trapped'
          : (hangs ?? 1) < behaves.hang
            ? 'engine-deadline'
            : 'well';
      return { slowdown: behaves.slow, ends, isWrong };
    };
    return behaviour;
  };
}

const asItIs = { slowdown: 1, ends: 'well', isWrong: false } as const;

function markedRelease(model: Uint8Array): number | undefined {
  const end = model.subarray(model.length - markerBytes);
  return marker.every((byte, i) => end[i] === byte) ? end.at(-1) : undefined;
}
