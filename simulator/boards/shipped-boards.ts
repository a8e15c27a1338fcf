import { CodedError } from '../../protocol/coded-error.js';
import type { Board } from './board.js';

const boards: readonly Board[] = [
  {
    name: 'pi4',
    class: 'gateway',
    link: 'ethernet',
    // One core of a Cortex-A72 at 1.5 GHz, which multiplies 16 bytes in about two cycles.
    rates: { convNs: 0.15, otherNs: 0.5, fullyConnectedNs: 0.3, operatorUs: 2 },
    limits: { arenaBytes: 4_194_304, imageBytes: 8_388_608, storageBytes: 67_108_864 },
  },
];

/** A board that comes with tinylamp. Throws `scenario-invalid` where there is none of that name. */
export function shippedBoard(name: string): Board {
  const board = boards.find((each) => each.name === name);
  if (board !== undefined) return board;
  const known = boards.map((each) => each.name).join(', ');
  throw new CodedError('scenario-invalid', `profile: there is no board ${name}; there are ${known}`);
}

/** The names of all of them. */
export const shippedBoardNames: readonly string[] = boards.map(({ name }) => name);
