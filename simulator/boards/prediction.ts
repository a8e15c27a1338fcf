import type { ModelReport } from '../../wasm/loader/model-report.js';
import type { Board } from './board.js';
import { latencyUsOf, workOf } from './cost-model.js';
import { inferenceJoules } from './energy.js';

/** What a model is expected to need on a board, before it was ever there. */
export interface Prediction {
  readonly latencyMs: number;
  /** Of one inference. */
  readonly energyJ: number;
  /** What the board has too little of. */
  readonly exceeds: readonly ('arena' | 'image')[];
}

/** @param modelBytes the size of the model's file; a release with it is a little larger */
export function predict(board: Board, model: ModelReport, modelBytes: number): Prediction {
  const latencyUs = latencyUsOf(workOf(model), board.rates);
  return {
    latencyMs: latencyUs / 1_000,
    energyJ: inferenceJoules(board.power, latencyUs),
    exceeds: [
      ...(model.arenaBytes > board.limits.arenaBytes ? (['arena'] as const) : []),
      ...(modelBytes > board.limits.imageBytes ? (['image'] as const) : []),
    ],
  };
}
