import { expectOk } from '../../protocol/coded-error.js';
import type { Budget } from '../../protocol/documents/manifest.js';
import type { GoldenVectors, SelfTestVector } from '../../protocol/documents/self-test.js';
import type { Engine, Invoked, ModelFacts } from '../../agent/ports/engine.js';
import { limits as protocolLimits } from '../../protocol/limits.js';

/** What a model is and costs, found out by running it. */
export interface MeasuredModel {
  readonly facts: ModelFacts;
  readonly budget: Budget;
  readonly selfTest: GoldenVectors;
  /** Whether it has an output for each so many inputs only. */
  readonly waits: boolean;
}

/** While building nothing is known yet; a model that needs more is refused. */
const arenaLimitBytes = 256 * 1_048_576;
const deadlineMs = 60_000;

/**
 * Golden vectors with outputs: zeros, and inputs that reach every byte value. A model that has an output for each so many
 * inputs takes more of them.
 */
const vectorCount = 4;

/** Inferences that are timed, after as many to warm up. */
const timedInferences = 20;

/**
 * A device may be far slower than the machine that builds, and its first inference slower still: the
 * deadline tells an endless loop from a slow gateway, no more.
 */
const deadlineFactor = 50;
const leastDeadlineUs = 250_000;

/** Loads a model, computes its golden vectors and measures its budget. Throws what the engine refuses. */
export async function measureModel(model: Uint8Array, engine: Engine): Promise<MeasuredModel> {
  const handle = 1;
  const facts = expectOk(
    await engine.load(handle, model, { arenaBytes: arenaLimitBytes, deadlineMs }),
  );
  try {
    const vectors: SelfTestVector[] = [];
    // One after the other from the initial state, as devices run them: what a model remembers is a part of the test.
    let answered = 0;
    for (let seed = 0; answered < vectorCount && seed < protocolLimits.selfTestVectors; seed++) {
      const inputs = makeInputs(facts, seed);
      const outputs = new Uint8Array(sizeOf(facts.outputs));
      const { hasOutput } = expectOk(await engine.invoke(handle, inputs, outputs, deadlineMs));
      vectors.push({ inputs, outputs });
      if (hasOutput) answered++;
    }
    const expectedUs = await measureLatencyUs(engine, handle, facts);
    return {
      facts,
      selfTest: { vectors, tolerance: toleranceOf(facts) },
      waits: answered < vectors.length,
      budget: budgetOf({ arenaBytes: facts.arenaBytes, expectedUs, macs: facts.macs }),
    };
  } finally {
    await engine.unload(handle);
  }
}

/** The budget of two models for one window, of which the first runs `times` times. */
export function joinBudgets(first: Budget, times: number, second: Budget): Budget {
  return budgetOf({
    arenaBytes: first.arenaBytes + second.arenaBytes,
    expectedUs: times * first.expectedUs + second.expectedUs,
    macs: times * first.macs + second.macs,
  });
}

function budgetOf(measured: Omit<Budget, 'deadlineUs'>): Budget {
  const deadlineUs = Math.max(leastDeadlineUs, measured.expectedUs * deadlineFactor);
  return { ...measured, deadlineUs };
}

async function measureLatencyUs(
  engine: Engine,
  handle: number,
  facts: ModelFacts,
): Promise<number> {
  const inputs = makeInputs(facts, 1);
  const outputs = new Uint8Array(sizeOf(facts.outputs));
  const latencies: Invoked[] = [];
  for (let i = 0; i < 2 * timedInferences; i++) {
    const { latencyUs, hasOutput } = expectOk(
      await engine.invoke(handle, inputs, outputs, deadlineMs),
    );
    if (i >= timedInferences) latencies.push({ latencyUs, hasOutput });
  }
  // A model that waits for more inputs has done a part of its work only.
  const whole = latencies.filter(({ hasOutput }) => hasOutput);
  const taken = (whole.length > 0 ? whole : latencies).map(({ latencyUs }) => latencyUs);
  taken.sort((a, b) => a - b);
  return Math.ceil(taken[Math.floor(taken.length / 2)] ?? 0);
}

/** Seed 0 is all zeros; the others are small pseudo-random numbers, so that floats stay finite. */
function makeInputs(facts: ModelFacts, seed: number): Uint8Array {
  const inputs = new Uint8Array(sizeOf(facts.inputs));
  if (seed === 0) return inputs;
  let state = Math.imul(seed, 0x9e3779b1) >>> 0 || 1;
  const next = (): number => {
    // Marsaglia's xorshift with shifts 13, 17, 5.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
  let at = 0;
  for (const { type, byteLength } of facts.inputs) {
    const view = new DataView(inputs.buffer, at, byteLength);
    if (type === 'float32') {
      for (let i = 0; i < byteLength; i += 4) view.setFloat32(i, next() / 2 ** 31 - 1, true);
    } else if (type === 'bool') {
      for (let i = 0; i < byteLength; i++) view.setUint8(i, next() >>> 31);
    } else for (let i = 0; i < byteLength; i++) view.setUint8(i, next() >>> 24);
    at += byteLength;
  }
  return inputs;
}

/** Integer results are equal on every machine; float sums may be ordered otherwise. */
function toleranceOf({ outputs }: ModelFacts): number {
  return outputs.some(({ type }) => type === 'float32') ? 1e-4 : 0;
}

function sizeOf(tensors: ModelFacts['inputs']): number {
  return tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
