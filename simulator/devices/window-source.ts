/** What a sensor measures: window after window, with what is true of each. */
export interface WindowSource {
  /** Values of a frame. */
  readonly channels: number;
  /** What is true of the window that comes next; undefined where nobody knows. */
  readonly truth: string | undefined;
  /** Fills the array with the next frames. Whether the sensor delivers them: it may say nothing. */
  next(values: Float32Array): boolean;
}
