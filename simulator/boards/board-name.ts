/** Long enough for the names of entries in public lists of measurements. */
const mostLength = 64;

export const boardNameForm = `a name of a-z, 0-9 and -, which begins with a letter and has at most ${mostLength}`;

/** Names that every object has are no names: they would be lost in maps. */
export function isBoardName(text: string): boolean {
  return /^[a-z][a-z0-9-]*$/.test(text) && text.length <= mostLength && !(text in Object.prototype);
}

/** The name of a board in kebab case: `plumerai@DISCO_F746NG` is `plumerai-disco-f746ng`. */
export function boardNameOf(text: string): string {
  const kebab = text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const named = /^-?[a-z]/.test(kebab) ? kebab : `board-${kebab}`;
  const cut = named.replace(/^-/, '').replace(/-+/g, '-').slice(0, mostLength).replace(/-$/, '');
  return isBoardName(cut) ? cut : `board-${cut}`;
}
