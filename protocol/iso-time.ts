/** An instant for people. What comes from outside may be beyond every calendar, and is a number then. */
export function isoTime(wallMs: number): string {
  const instant = new Date(wallMs);
  return Number.isNaN(instant.getTime()) ? `millisecond ${wallMs}` : instant.toISOString();
}
