import type { Arguments } from './command.js';

/** The command that replays a run of a scenario. */
export function replayOf(file: string, seed: number, given: Arguments): string {
  const devices = given.number('devices');
  return [
    `tinylamp simulate ${file} --seed ${seed}`,
    ...(devices === undefined ? [] : [`--devices ${devices}`]),
  ].join(' ');
}
