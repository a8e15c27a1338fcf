/** A candidate may be late on so much more of the windows than the champion. */
export const lateMargin = 0.02;
