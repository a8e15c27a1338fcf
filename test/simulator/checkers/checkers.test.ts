import assert from 'node:assert/strict';
import { emptyRecord, emptySlot, type SlotRecord } from '../../../agent/core/state/record.js';
import type { Channel } from '../../../agent/ports/transport.js';
import { shortestTrial, type Policy } from '../../../protocol/documents/policy.js';
import type { ResultMessage } from '../../../protocol/messages/result.js';
import { createCheckers } from '../../../simulator/checkers/all-checkers.js';
import type {
  DeviceEnd,
  DeviceEvent,
  RunEnd,
  WorldEvent,
} from '../../../simulator/checkers/checker.js';
import { Inspection } from '../../../simulator/checkers/inspection.js';

const slot = 'vibration';
const hourMs = 3_600_000;

/** Something that happens in a story: to the one device, elsewhere, or time that passes. */
type Happening = DeviceEvent | WorldEvent | { readonly kind: 'passes'; readonly ms: number };

const deviceKinds = ['booted', 'swapped', 'rotted', 'power-cut', 'recorded', 'published'];

/** What checkers find in a story of one device. */
function find(
  story: readonly Happening[],
  end: Partial<RunEnd> = {},
  device: Partial<DeviceEnd> = {},
): string[] {
  let nowMs = 0;
  const inspection = new Inspection(createCheckers(slot));
  for (const each of story) {
    if (each.kind === 'passes') nowMs += each.ms;
    else if (deviceKinds.includes(each.kind))
      inspection.device('press-7', each as DeviceEvent, nowMs);
    else inspection.world(each as WorldEvent, nowMs);
  }
  const windows = { completed: 0, answered: 0, late: 0, dropped: 0, cut: 0, lost: 0, wrong: 0 };
  inspection.end({
    atMs: nowMs,
    slot,
    // Liveness is not demanded where nobody asks for it.
    quietMs: nowMs,
    ...end,
    devices: [
      {
        ...{ deviceId: 'press-7', isOn: true, record: undefined, windows, presence: undefined },
        ...{ storedBytes: 0, storageBytes: 1_000 },
        ...device,
      },
    ],
  });
  return inspection.violations.map(({ checker, text }) => `${checker}: ${text}`);
}

const published = (channel: Channel, said: object): DeviceEvent => ({
  kind: 'published',
  message: {
    topic: channel,
    payload: new TextEncoder().encode(JSON.stringify(said)),
    retained: false,
    channel,
  },
  result: channel === 'results' ? (said as ResultMessage) : undefined,
});
const answer = (window: number, sequence = 1, label = 'normal'): DeviceEvent =>
  published('results', { boot: 1, window, sequence, label });
const recorded = (change: Partial<SlotRecord>, boot = 1): DeviceEvent => ({
  kind: 'recorded',
  record: { ...emptyRecord, boot, slots: new Map([[slot, { ...emptySlot, ...change }]]) },
});
const champion = (sequence: number): Policy => ({
  version: sequence,
  slot,
  champion: { sequence, manifest: new Uint8Array(32).fill(sequence) },
  arms: [],
  promoted: undefined,
  trial: shortestTrial,
  gate: undefined,
});
const named: WorldEvent = { kind: 'policy', policy: champion(1) };
const running = (sequence: number): DeviceEnd['record'] => ({
  ...emptyRecord,
  slots: new Map([[slot, { ...emptySlot, current: { sequence, manifest: '' } }]]),
});
const presence = (online: boolean, boot = 1): DeviceEvent =>
  published('presence', { online, boot, connection: 1 });
const retained = (online: boolean, boot = 1): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ online, boot, connection: 1 }));

describe('checkers', () => {
  const stories: readonly (readonly [
    what: string,
    found: readonly string[],
    story: readonly Happening[],
    end?: Partial<RunEnd>,
    device?: Partial<DeviceEnd>,
  ])[] = [
    ['an answer that comes twice', [], [named, answer(1), answer(1), answer(2)]],
    [
      'two answers to one window',
      ['windows: window 1 of boot 1 has two answers'],
      [named, answer(1), answer(1, 1, 'looseness')],
    ],
    [
      'a window that nobody answered or counted',
      ['windows: 2 windows were neither answered nor dropped'],
      [],
      {},
      {
        windows: { completed: 9, answered: 7, late: 0, dropped: 0, cut: 0, lost: 2, wrong: 0 },
      },
    ],
    [
      'an answer of a release that no policy named',
      ['served: release 2 answered, which no policy has named'],
      [named, answer(1, 2)],
    ],
    [
      'an answer of a damaged release',
      ['served: release 1 answered, which is damaged or unsigned'],
      [{ kind: 'released', sequence: 1, isGood: false }, named, answer(1)],
    ],
    [
      'an answer below the floor of the device, a while after it rose',
      ['served: release 1 answered, below the floor 2'],
      [
        named,
        { kind: 'policy', policy: champion(2) },
        recorded({ sequenceFloor: 2 }),
        answer(1),
        { kind: 'passes', ms: 60_001 },
        answer(2),
      ],
    ],
    [
      'a floor that falls',
      ['record: sequenceFloor fell from 2 to 1'],
      [recorded({ sequenceFloor: 2 }), recorded({ sequenceFloor: 1 })],
    ],
    [
      'a record that a cut brought back, because it was not synced',
      [],
      [
        recorded({ policyVersion: 1 }),
        recorded({ policyVersion: 2 }),
        { kind: 'power-cut', hasLost: true },
        recorded({ policyVersion: 1 }),
      ],
    ],
    [
      'a record older than the one before the cut',
      ['record: policyVersion fell from 2 to 1'],
      [
        recorded({ policyVersion: 1 }),
        recorded({ policyVersion: 2 }),
        recorded({ policyVersion: 3 }),
        { kind: 'power-cut', hasLost: true },
        recorded({ policyVersion: 1 }),
      ],
    ],
    [
      'a count of starts that falls, on another machine',
      [],
      [recorded({}, 7), { kind: 'swapped' }, recorded({}, 1)],
    ],
    [
      'a report that nobody can read',
      ['reports: a report that nobody can read'],
      [published('report', { window: 1 })],
    ],
    [
      'a device that is on and said to be away',
      ['presence: is on, and not said to be online'],
      [presence(true), { kind: 'passes', ms: 2 * hourMs }],
      { quietMs: 0 },
      { presence: retained(false) },
    ],
    [
      'a device that is said to be there in a session before its last',
      ['presence: is said to be online in session 1/1, which is not its last'],
      [presence(true, 2), { kind: 'passes', ms: 2 * hourMs }],
      { quietMs: 0 },
      { presence: retained(true, 1) },
    ],
    [
      'a device that is said to be away while the world is not well yet',
      [],
      [presence(true), { kind: 'passes', ms: 2 * hourMs }],
      { quietMs: hourMs + 1 },
      { presence: retained(false) },
    ],
    [
      'a device that does not run what the policy says, an hour later',
      ['convergence: runs 1 instead of 2'],
      [
        named,
        { kind: 'policy', policy: champion(2) },
        presence(true),
        { kind: 'passes', ms: hourMs },
      ],
      { quietMs: 0 },
      { record: running(1), presence: retained(true) },
    ],
    [
      'a device that cannot know of a policy, because the broker has lost it',
      [],
      [
        { kind: 'policy', policy: champion(2) },
        { kind: 'store-lost' },
        presence(true),
        { kind: 'passes', ms: hourMs },
      ],
      { quietMs: 0 },
      { record: running(1), presence: retained(true) },
    ],
    [
      'a disk with more on it than it holds',
      ['resources: holds 1001 bytes of 1000'],
      [],
      {},
      { storedBytes: 1_001 },
    ],
    [
      'a device that says the same again and again',
      ['quiet: said more than 1200 things in an hour'],
      Array.from({ length: 1_300 }, () => published('events', { t: 0, event: 'offered' })),
    ],
  ];
  for (const [what, found, story, end, device] of stories) {
    it(`${found.length === 0 ? 'find nothing in' : 'find'} ${what}`, () => {
      assert.deepEqual(find(story, end, device), found);
    });
  }

  it('keep three findings of one kind for a device, because the others follow from them', () => {
    assert.equal(find([named, ...[1, 2, 3, 4, 5].map((window) => answer(window, 9))]).length, 3);
  });
});
