import type { WorldDevice } from './world-device.js';

/** What a device told about one release, such as `2 fetching`. */
export function storyOf(device: WorldDevice, sequence: number): readonly string[] {
  return device.story.filter((line) => line.startsWith(`${sequence} `));
}

/** How often a device told a line. */
export function countOf(device: WorldDevice, line: string): number {
  return device.story.filter((told) => told === line).length;
}
