/** What a sensor measures: delivery after delivery, with what is true of each. */
export interface WindowSource {
  /** Values of a frame. */
  readonly channels: number;
  /** What is true at the last frame of the window that was filled last; before the first, what is true now. Undefined where nobody knows. */
  readonly truth: string | undefined;
  /** Fills the array with the next frames. Whether the sensor delivers them: it may say nothing. */
  next(values: Float32Array): boolean;
}
