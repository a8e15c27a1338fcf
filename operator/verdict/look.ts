import { blocksInOrder } from '../../protocol/statistics/block-order.js';
import type { Interval } from '../../protocol/statistics/interval.js';
import type {
  DeviceEvidence,
  EvidenceBlock,
  FleetEvidence,
  StepContext,
  VerdictTerms,
} from './evidence.js';
import type { NamedDevice } from './judgement.js';
import { lowerOf, upperOf } from './mean-claim.js';
import { nameDevice, namingTerms } from './naming.js';
import { ageCourse, agesSample, progressInWindows } from './population.js';
import { blockCourse, countRounds, type Rounds } from './rounds.js';
import type { Sample } from './sample.js';
import { blockSample, type Unit } from './samples.js';

/** A device that counts, with what is known of it alone. */
export interface Member {
  readonly device: DeviceEvidence;
  /** Its blocks in the order in which they began, whoever served. */
  readonly blocks: readonly EvidenceBlock[];
  readonly named: NamedDevice | undefined;
}

/** What the harm of the mean loss has of alpha. */
export const shareOfMean = 1 / 2;

/** The evidence of one look, with what every guardrail needs of it. */
export interface Look {
  readonly evidence: FleetEvidence;
  readonly terms: VerdictTerms;
  /** Asked and present from the start. */
  readonly fleet: readonly Member[];
  readonly rounds: Rounds;
  readonly samples: readonly Sample[];
  /** Of the mean loss, at the level of harm and at that of safety. */
  readonly bounds: Interval;
  readonly step: StepLook | undefined;
}

/** The same of the devices that a step serves, over the blocks of the step alone. */
export interface StepLook {
  readonly context: StepContext;
  readonly served: readonly Member[];
  readonly rounds: Rounds;
  readonly samples: readonly Sample[];
}

/** Names devices, counts rounds, and gathers the units that count. */
export function lookAt(evidence: FleetEvidence): Look {
  const { terms, step: context } = evidence;
  const asked = evidence.devices.filter(({ asked, present }) => asked && present);
  const naming = namingTerms(terms, asked.filter(({ joined }) => joined !== true).length);
  const members = asked.map((device): Member => {
    const blocks = blocksInOrder(device.shadow, device.served);
    return { device, blocks, named: nameDevice(device, blocks, naming) };
  });
  const fleet = members.filter(({ device }) => device.joined !== true);
  const isAlone = fleet.length === 1;
  const units = fleet.map((member): Unit => ({
    id: member.device.id,
    blocks: member.blocks,
    // In a fleet of one nothing leaves, or there would never be a verdict.
    namedAt: isAlone ? undefined : member.named?.block,
    left: member.device.left,
  }));
  const { rounds, samples } =
    terms.scope === 'population' ? overAges(units, terms) : overBlocks(units, terms);
  const step = context && lookAtStep(context, members, isAlone, terms);
  const bounds = {
    lower: lowerOf(samples, terms.alpha * shareOfMean),
    upper: upperOf(samples, terms.alpha),
  };
  return { evidence, terms, fleet, rounds, samples, bounds, step };
}

function lookAtStep(
  context: StepContext,
  members: readonly Member[],
  isAlone: boolean,
  terms: VerdictTerms,
): StepLook {
  const ids = new Set(context.served);
  const served = members.filter(({ device }) => ids.has(device.id));
  const units = served.map(({ device, blocks, named }): Unit => {
    const isOfStep = (block: EvidenceBlock): boolean =>
      block.served === 1 && block.policy >= context.fromPolicy;
    const before = isAlone ? undefined : named && blocks.slice(0, named.block);
    return {
      id: device.id,
      blocks: blocks.filter(isOfStep),
      namedAt: before?.filter(isOfStep).length,
      left: device.leftStep,
    };
  });
  return { context, served, ...overBlocks(units, terms) };
}

interface Counted {
  readonly rounds: Rounds;
  readonly samples: readonly Sample[];
}

function overBlocks(units: readonly Unit[], { coverage }: VerdictTerms): Counted {
  const runners = units.map((unit) => runnerOf(unit, unit.blocks.length));
  const rounds = countRounds(runners, coverage, blockCourse);
  return { rounds, samples: [blockSample(units, rounds)] };
}

function overAges(units: readonly Unit[], { coverage }: VerdictTerms): Counted {
  const runners = units.map((unit) => runnerOf(unit, progressInWindows(unit.blocks)));
  const rounds = countRounds(runners, coverage, ageCourse);
  return { rounds, samples: agesSample(units, rounds) };
}

function runnerOf({ id, left, namedAt }: Unit, progress: number) {
  return { id, progress, left, isNamed: namedAt !== undefined };
}
