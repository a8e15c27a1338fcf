/** The longest pause between two attempts of anything: liveness is demanded only where the world has been well for so long. */
export const longestPauseMs = 3_600_000;
