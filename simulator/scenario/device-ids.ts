/** The id of the device with this number, from 1: `sim-00001`. */
export function deviceIdOf(number: number): string {
  return `sim-${String(number).padStart(5, '0')}`;
}
