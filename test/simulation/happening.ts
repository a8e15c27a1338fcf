import { shortestTrial, type TrialTerms, everyone } from '../../protocol/documents/policy.js';
import fc from 'fast-check';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { World } from './world.js';

/** What can be wrong with a release that is published. */
export const damages = {
  'wrong self-test': (world: World, release: ReleaseFile) =>
    world.workshop.withWrongSelfTest(release),
  stranger: (world: World, release: ReleaseFile) => world.workshop.signedByStranger(release),
  block: (world: World, release: ReleaseFile) => world.workshop.withDamagedBlock(release),
  manifest: (world: World, release: ReleaseFile) => world.workshop.withDamagedManifest(release),
};
export type Damage = keyof typeof damages;

export type Model = 'vibration-v1' | 'vibration-v2';

/** What can happen, in any order and at any moment. */
export type Happening =
  | { readonly slot: number; readonly decision: Decision }
  | { readonly device: number; readonly mishap: Mishap }
  | { readonly outside: Outside };

/** What the operator decides about a slot. */
export type Decision =
  | {
      readonly kind: 'good release';
      readonly model: Model;
      readonly unseen: boolean;
      readonly trial: TrialTerms;
      readonly epochs: number;
    }
  | { readonly kind: 'bad release'; readonly damage: Damage }
  | { readonly kind: 'previous release' }
  | {
      readonly kind: 'comparison';
      readonly challenger: 'fresh' | 'again' | Damage;
      readonly windows: number;
      readonly budgetPermille: number;
      readonly exposure: number;
    }
  | { readonly kind: 'arm'; readonly exposure: number; readonly trial: TrialTerms }
  | { readonly kind: 'challenger wins'; readonly trial: TrialTerms }
  | { readonly kind: 'trial becomes comparison' }
  | { readonly kind: 'promotion' }
  | { readonly kind: 'experiment withdrawn' };

/** What befalls one device. */
export type Mishap =
  | { readonly kind: 'power cut'; readonly offMs: number; readonly aloneMs: number }
  | { readonly kind: 'power cut at operation'; readonly operation: number }
  | { readonly kind: 'storage fails'; readonly operations: number }
  | ({ readonly kind: 'engine fails' } & EngineTrouble)
  | {
      readonly kind: 'labels';
      readonly slot: number;
      readonly windows: number;
      readonly label: string;
    }
  | { readonly kind: 'silence'; readonly forMs: number };

/** What happens to all devices at once. */
export type Outside =
  | { readonly kind: 'sessions cut' }
  | { readonly kind: 'broker away'; readonly forMs: number }
  | { readonly kind: 'block lost' }
  | { readonly kind: 'time'; readonly ms: number };

/** What becomes of the next inferences. */
export interface EngineTrouble {
  readonly inferences: number;
  /** Of every instance, or only of the one that was loaded last. */
  readonly whose: 'any' | 'newest';
  readonly slowMs: number;
  readonly then: 'none' | 'engine-trapped' | 'engine-deadline';
}

const ms = fc.integer({ min: 0, max: 7_000 });
const few = fc.integer({ min: 1, max: 12 });
const model = fc.constantFrom<Model>('vibration-v1', 'vibration-v2');
const damage = fc.constantFrom(...(Object.keys(damages) as Damage[]));
const exposure = fc.constantFrom(everyone, everyone, 5_000, 0);
const trial = fc.constantFrom<TrialTerms>(
  shortestTrial,
  { soakMs: 5_000, inferences: 1 },
  { soakMs: 0, inferences: 8 },
  { soakMs: 40_000, inferences: 20 },
);

const index = fc.nat({ max: 5 });
const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name);

const decision: fc.Arbitrary<Decision> = fc.oneof(
  fc.record({
    kind: kind('good release'),
    model,
    unseen: fc.boolean(),
    trial,
    epochs: fc.constantFrom(0, 0, 1),
  }),
  fc.record({ kind: kind('bad release'), damage }),
  fc.record({ kind: kind('previous release') }),
  fc.record({
    kind: kind('comparison'),
    challenger: fc.oneof(fc.constantFrom('fresh' as const, 'again' as const), damage),
    windows: fc.constantFrom(1, 5, 20, 1_000),
    budgetPermille: fc.constantFrom(1, 200, 1_000),
    exposure,
  }),
  fc.record({ kind: kind('arm'), exposure, trial }),
  fc.record({ kind: kind('challenger wins'), trial }),
  fc.record({ kind: kind('trial becomes comparison') }),
  fc.record({ kind: kind('promotion') }),
  fc.record({ kind: kind('experiment withdrawn') }),
);

const mishap: fc.Arbitrary<Mishap> = fc.oneof(
  fc.record({ kind: kind('power cut'), offMs: ms, aloneMs: fc.constantFrom(0, 0, 5_000) }),
  fc.record({ kind: kind('power cut at operation'), operation: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: kind('storage fails'), operations: few }),
  fc.record({
    kind: kind('engine fails'),
    inferences: few,
    whose: fc.constantFrom('any' as const, 'newest' as const),
    slowMs: fc.oneof(fc.constantFrom(0, 400, 1_500), fc.integer({ min: 0, max: 3_000 })),
    then: fc.constantFrom('none' as const, 'engine-trapped' as const, 'engine-deadline' as const),
  }),
  fc.record({
    kind: kind('labels'),
    slot: index,
    windows: few,
    label: fc.constantFrom('normal', 'bearing-fault', 'no such thing'),
  }),
  fc.record({ kind: kind('silence'), forMs: ms }),
);

const outside: fc.Arbitrary<Outside> = fc.oneof(
  fc.record({ kind: kind('sessions cut') }),
  fc.record({ kind: kind('broker away'), forMs: ms }),
  fc.record({ kind: kind('block lost') }),
);

const passing: fc.Arbitrary<Outside> = fc.oneof(
  fc.record({ kind: kind('time'), ms }),
  fc.record({ kind: kind('time'), ms: fc.constantFrom(20, 900, 30_000) }),
);

/** Several devices, each with the same several slots, and what happens to them. */
export interface Lives {
  readonly slots: number;
  readonly devices: number;
  readonly happenings: readonly Happening[];
}

/** Lives of devices. Numbers of slots and devices wrap around. */
export const lives: fc.Arbitrary<Lives> = fc.record({
  slots: fc.constantFrom(2, 2, 2, 3),
  devices: fc.constantFrom(2, 2, 2, 3),
  happenings: fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.record({ slot: index, decision }) },
      { weight: 4, arbitrary: fc.record({ device: index, mishap }) },
      { weight: 1, arbitrary: fc.record({ outside }) },
      { weight: 3, arbitrary: fc.record({ outside: passing }) },
    ),
    { minLength: 3, maxLength: 40, size: 'max' },
  ),
});
