import { CodedError } from '../../protocol/coded-error.js';
import { readClassNames } from '../../protocol/class-names.js';
import type { Manifest } from '../../protocol/documents/manifest.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { findArtifact } from '../publish/kept-artifacts.js';
import type { PublishTools } from '../publish/publish-tools.js';

/**
 * Answers are compared by their names. Throws `classes-differ` where only one of the two releases has any, and where one knows a
 * class that the other does not: each window of it would be a difference.
 *
 * @param mayAdd whether the challenger may know classes that the champion does not
 */
export function checkClasses(
  champion: Manifest | undefined,
  { manifest: challenger, artifacts }: ReleaseFile,
  mayAdd: boolean,
  tools: PublishTools,
): void {
  if (champion === undefined) return;
  const [before, after] = [champion, challenger].map(({ artifacts: all }) =>
    all.some(({ role }) => role === 'labels'),
  );
  if (before !== after) {
    const named = before === true ? champion : challenger;
    throw new CodedError('classes-differ', `only release ${named.sequence} names its classes`);
  }
  const known = findArtifact(champion, 'labels', tools);
  const offered = artifacts[challenger.artifacts.findIndex(({ role }) => role === 'labels')];
  if (known === undefined || offered === undefined) return;
  const [old, fresh] = [new Set(readClassNames(known)), new Set(readClassNames(offered))];
  const lost = [...old].filter((name) => !fresh.has(name));
  const added = [...fresh].filter((name) => !old.has(name));
  if (lost.length > 0) {
    const detail = `release ${challenger.sequence} does not know ${quoted(lost)}`;
    throw new CodedError('classes-differ', detail);
  }
  if (added.length > 0 && !mayAdd) {
    const detail = `release ${champion.sequence} does not know ${quoted(added)}`;
    throw new CodedError('classes-differ', detail);
  }
}

function quoted(names: readonly string[]): string {
  return names
    .slice(0, 5)
    .map((name) => JSON.stringify(name))
    .join(', ');
}
