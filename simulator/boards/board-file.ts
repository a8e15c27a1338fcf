import { v } from '../../agent/adapters/schema-library.js';
import { readYamlTexts, type YamlTexts } from '../../agent/adapters/yaml.js';
import { CodedError } from '../../protocol/coded-error.js';
import { accept } from '../../protocol/result.js';
import { linkKinds, type LinkTerms } from '../broker/link-kinds.js';
import { linkNames } from '../scenario/links.js';
import { describeProblems } from '../scenario/problems.js';
import {
  amount,
  count,
  invalid,
  keysOf,
  name,
  oneOf,
  readBy,
  single,
} from '../scenario/schema/keys.js';
import { boundsOf, readAmount, type Amount } from '../scenario/values.js';
import type { Board } from './board.js';
import { boardNameForm, isBoardName } from './board-name.js';
import { completeRates } from './cost-model.js';

/**
 * The file of a board as one table: every key, what is allowed, and its default. docs/boards.md has it for people.
 */

const macTime = () => v.optional(single('moment', '0.000000001 ns', '1 ms'));
const bandwidth = () => v.optional(single('bandwidth', '1 bit/s', '1000000 Mbit/s'));

const boardFile = keysOf({
  board: v.pipe(
    v.string(`must be ${boardNameForm}`),
    v.check(isBoardName, `must be ${boardNameForm}`),
  ),
  class: name(),
  ram: keysOf({ arena: single('size', '1 KiB', '1024 MiB') }),
  flash: v.pipe(
    keysOf({
      bytes: single('size', '1 KiB', '1048576 MiB'),
      image: single('size', '1 KiB', '1024 MiB'),
      block: v.optional(single('size', '1 B', '64 MiB'), '4 KiB'),
      writesPerBlock: count(1, 1_000_000_000),
    }),
    v.check(({ bytes, image }) => image <= bytes, 'must have an image that is not above bytes'),
    v.check(({ bytes, block }) => block <= bytes, 'must have a block that is not above bytes'),
  ),
  compute: v.pipe(
    keysOf({
      conv: macTime(),
      other: macTime(),
      fc: macTime(),
      perOperator: v.optional(single('moment', '0 ns', '1000 ms'), '0 ns'),
    }),
    v.check(
      ({ conv, other, fc }) => conv !== undefined || other !== undefined || fc !== undefined,
      'must have conv, other or fc',
    ),
  ),
  radio: keysOf({
    kind: oneOf(...linkNames),
    up: bandwidth(),
    down: bandwidth(),
    latency: v.optional(amount('duration', '20 ms', '1 day')),
    energy: single('energy', '0 J/bit', '1 J/bit'),
  }),
  power: keysOf({
    battery: v.optional(single('battery', '0.001 mWh', '1000000 Wh')),
    active: single('power', '0 W', '10000 W'),
    sleep: single('power', '0 W', '10000 W'),
    dutyCycle: v.optional(readBy(readDutyCycle), '100 %'),
  }),
});

/**
 * Reads the text of a board file. Throws `board-invalid` with a line for each mistake, which names line, key and what is
 * allowed.
 *
 * @param origin what the text is, for messages
 */
export function parseBoard(text: string, origin: string): Board {
  const refuseWith = (detail: string): CodedError =>
    new CodedError('board-invalid', `${origin}: ${detail}`);
  let yaml: YamlTexts;
  try {
    yaml = readYamlTexts(text);
  } catch (error) {
    throw refuseWith(error instanceof Error ? error.message : String(error));
  }
  const parsed = v.safeParse(boardFile, yaml.value, { abortPipeEarly: true });
  if (parsed.success) return boardOf(parsed.output);
  const problems = parsed.issues.map(({ path = [], message, input }) => ({
    path: path.map(({ key }) => (typeof key === 'number' ? key : String(key))),
    message,
    // What was given does not help where the key itself is the problem, or where it is a map.
    ...(typeof input === 'string' && path.at(-1)?.origin !== 'key' && { given: input }),
  }));
  throw refuseWith(describeProblems(problems, (path) => yaml.lineOf(path)));
}

function boardOf(file: v.InferOutput<typeof boardFile>): Board {
  const { ram, flash, compute, radio, power } = file;
  return {
    name: file.board,
    class: file.class,
    limits: { arenaBytes: ram.arena, imageBytes: flash.image, storageBytes: flash.bytes },
    flash: {
      bytes: flash.bytes,
      blockBytes: flash.block,
      writesPerBlock: flash.writesPerBlock,
    },
    rates: completeRates({
      convNs: compute.conv,
      otherNs: compute.other,
      fullyConnectedNs: compute.fc,
      operatorUs: compute.perOperator / 1_000,
    }),
    link: radio.kind,
    linkTerms: linkTermsOf(linkKinds[radio.kind], radio),
    radioJPerBit: radio.energy,
    power: {
      batteryJ: power.battery,
      activeW: power.active,
      sleepW: power.sleep,
      dutyCycle: power.dutyCycle,
    },
  };
}

function linkTermsOf(
  kind: LinkTerms,
  own: { up?: number | undefined; down?: number | undefined; latency?: Amount | undefined },
): LinkTerms {
  const latencyMs = own.latency === undefined ? undefined : boundsOf(own.latency);
  const way = (terms: LinkTerms['up'], bitPerS: number | undefined): LinkTerms['up'] => ({
    bitPerS: bitPerS ?? terms.bitPerS,
    latencyMs: latencyMs ?? terms.latencyMs,
  });
  return { up: way(kind.up, own.up), down: way(kind.down, own.down), loss: kind.loss };
}

/** A share of the time: `2 %`, or a fraction such as `1/60`. */
function readDutyCycle(given: unknown) {
  const form = 'must be a share such as 2 % or 1/60, above 0 and not above 1';
  if (typeof given !== 'string') return invalid(form);
  const [, part, whole] = /^(\d{1,9}) *\/ *(\d{1,9})$/.exec(given) ?? [];
  const share = part === undefined ? readShare(given) : Number(part) / Number(whole);
  return share > 0 && share <= 1 ? accept(share) : invalid(form);
}

function readShare(text: string): number {
  const read = readAmount('share', text);
  return read.ok && typeof read.value === 'number' ? read.value : NaN;
}
