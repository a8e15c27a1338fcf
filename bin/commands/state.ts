import { loadConfiguration } from '../../agent/adapters/configuration/load.js';
import { forgetStoredSlot, readStoredSlots, type StoredSlot } from '../../agent/stored-state.js';
import { CodedError } from '../../protocol/coded-error.js';
import { jsonOption, type Command } from '../command.js';

/** `tinylamp state`: what an agent has on its disk, and giving back what a slot holds that left the configuration. */
export const stateCommand: Command = {
  words: 'state',
  summary: 'Show what the agent on this gateway has on its disk, by slot.',
  options: {
    config: { type: 'text', describe: 'The YAML file of the agent.', alias: 'c', required: true },
    forget: {
      type: 'text',
      describe:
        'Drop the releases of a slot that left the configuration; its floors stay. The agent must not run.',
    },
    ...jsonOption,
  },
  examples: [
    ['$0 state --config agent.yaml', 'slots, releases and bytes'],
    ['$0 state --config agent.yaml --forget old', 'give back what the slot `old` holds'],
  ],
  async run(given, terminal) {
    const { stateDir, slots } = loadConfiguration(given.requiredText('config'));
    const forgotten = given.text('forget');
    if (forgotten !== undefined) {
      if (Object.hasOwn(slots, forgotten)) {
        throw new CodedError('slot-configured', `${forgotten} is in the configuration`);
      }
      await forgetStoredSlot(stateDir, forgotten);
    }
    for (const stored of await readStoredSlots(stateDir)) {
      const shown = shownSlot(stored, Object.hasOwn(slots, stored.slot));
      if (given.flag('json')) terminal.printJson(shown);
      else terminal.print(lineOf(shown));
    }
    return 0;
  },
};

/** A slot as `--json` prints it. */
interface ShownSlot {
  readonly slot: string;
  readonly configured: boolean;
  /** Sequence numbers. */
  readonly current?: number;
  readonly previous?: number;
  readonly candidate?: number;
  readonly sequenceFloor: number;
  readonly epochFloor: number;
  readonly policyVersion: number;
  readonly bytes: number;
}

function shownSlot({ slot, record, bytes }: StoredSlot, configured: boolean): ShownSlot {
  const { current, previous, candidate, sequenceFloor, epochFloor, policyVersion } = record;
  return {
    slot,
    configured,
    ...(current && { current: current.sequence }),
    ...(previous && { previous: previous.sequence }),
    ...(candidate && { candidate: candidate.sequence }),
    sequenceFloor,
    epochFloor,
    policyVersion,
    bytes,
  };
}

function lineOf(shown: ShownSlot): string {
  const releases = (['current', 'previous', 'candidate'] as const)
    .filter((which) => shown[which] !== undefined)
    .map((which) => `${which} ${shown[which]}`);
  return [
    `${shown.slot}${shown.configured ? '' : ' (not configured)'}`,
    releases.length === 0 ? 'no release' : releases.join(', '),
    `floor ${shown.sequenceFloor}`,
    `${shown.bytes} bytes`,
  ].join('  ');
}
