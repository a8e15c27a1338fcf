/**
 * The blocks of a device in the order in which they began. It keeps two lists, of the shadow and of service, each
 * in order; no block spans two versions of the policy, and under one version a device first compares in the shadow.
 */
export function blocksInOrder<T extends { readonly policy: number }>(
  shadow: readonly T[],
  served: readonly T[],
): readonly T[] {
  if (served.length === 0) return shadow;
  if (shadow.length === 0) return served;
  const merged: T[] = [];
  let next = 0;
  for (const block of shadow) {
    for (let other = served[next]; other !== undefined && other.policy < block.policy;) {
      merged.push(other);
      other = served[++next];
    }
    merged.push(block);
  }
  return [...merged, ...served.slice(next)];
}
