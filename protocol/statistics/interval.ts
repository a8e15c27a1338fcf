/** All values from `lower` to `upper`, both included; either may be infinite. */
export interface Interval {
  readonly lower: number;
  readonly upper: number;
}
