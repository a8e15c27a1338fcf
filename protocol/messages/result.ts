/** The answer to one window, as it is published. */
export interface ResultMessage {
  /** The wall clock at the end of the window, in milliseconds since the epoch. */
  readonly t: number;
  /** The start of the device in which the window was counted. */
  readonly boot: number;
  /** The release that answered. */
  readonly sequence: number;
  /** Its name. */
  readonly model: string;
  /** Absent where the decision abstains or names no class. */
  readonly label?: string;
  /** Dequantised score of the label. */
  readonly score?: number;
  /** Dequantised scores of all outputs, where the decision passes them on. */
  readonly scores?: readonly number[];
  readonly latencyUs: number;
  /** The number of the window since that start. With `boot` it names the window for its true label. */
  readonly window: number;
}
