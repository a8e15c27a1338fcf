/** What telemetry says of the windows that a slot has dropped since the boot, where this is telemetry: SenML with the labels of RFC 8428, table 4. */
export function droppedIn(value: unknown, slot: string): number | undefined {
  if (!Array.isArray(value)) return undefined;
  for (const record of value as readonly unknown[]) {
    if (!(record instanceof Map)) return undefined;
    if (record.get(0) === `${slot}/windows-dropped`) return Number(record.get(2));
  }
  return undefined;
}
