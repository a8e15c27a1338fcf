/** The wall clock of a time zone, by the zone rules that Node.js brings along (IANA, through ICU). */
export class LocalTime {
  readonly #format: Intl.DateTimeFormat;

  /** @param timezone an IANA name such as `Europe/Berlin`; throws a RangeError for what is none */
  constructor(timezone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** What local clocks show beyond UTC at an instant, in milliseconds. */
  offsetMs(atMs: number): number {
    const wholeMs = Math.floor(atMs / 1000) * 1000;
    const shown = new Map<string, number>();
    for (const { type, value } of this.#format.formatToParts(wholeMs)) {
      shown.set(type, Number(value));
    }
    const part = (type: string): number => shown.get(type) ?? 0;
    const localMs = Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    );
    return localMs - wholeMs;
  }
}

/** Whether there is a time zone of this name. */
export function isTimezone(name: string): boolean {
  try {
    new LocalTime(name);
    return true;
  } catch {
    return false;
  }
}
