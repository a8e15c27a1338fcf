import { sizeOf } from '../../agent/adapters/engine/loaded-model.js';
import { rejectionOfEngine } from '../../protocol/engine-codes.js';
import type { Crypto } from '../../agent/ports/crypto.js';
import type { EngineLimits, ModelFacts } from '../../agent/ports/engine.js';
import { toHex } from '../../protocol/bytes.js';
import { accept, type Result } from '../../protocol/result.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import type { ModelReport } from '../../wasm/loader/model-report.js';
import { remembering } from './remembered-outputs.js';

/** A loaded model that may be anybody's: what one device does with it changes nothing for another one. */
export interface PooledModel {
  readonly facts: ModelFacts;
  readonly report: ModelReport;
  /** One inference; whether it has computed new outputs. */
  run(input: Uint8Array, output: Uint8Array): boolean;
  /** Makes the outputs name another class: each score goes to the next one. */
  confuse(output: Uint8Array): void;
  reset(): void;
}

/**
 * The models of all devices: one WebAssembly instance for each model and limit, however many devices load it. Models
 * without variables are the same interpreter for everybody, and others get one each in the instance.
 */
export class ModelPool {
  readonly #core: WebAssembly.Module;
  readonly #crypto: Crypto;
  readonly #remembers: boolean;
  readonly #loaded = new Map<string, Result<Shared>>();

  /** @param remembers whether outputs are kept for inputs that come again */
  constructor(core: WebAssembly.Module, crypto: Crypto, remembers: boolean) {
    this.#core = core;
    this.#crypto = crypto;
    this.#remembers = remembers;
  }

  load(model: Uint8Array, { arenaBytes, mostWork }: EngineLimits): Result<PooledModel> {
    const key = `${toHex(this.#crypto.sha256(model))} ${arenaBytes} ${mostWork ?? ''}`;
    let loaded = this.#loaded.get(key);
    if (loaded === undefined) {
      loaded = this.#load(model, arenaBytes, mostWork);
      this.#loaded.set(key, loaded);
    }
    if (!loaded.ok) return loaded;
    const { interpreter, model: shared } = loaded.value;
    if (shared !== undefined) return accept(shared);
    try {
      return accept(pooled(interpreter.another({ arenaBytes })));
    } catch (error) {
      return { ok: false, rejection: rejectionOfEngine(error) };
    }
  }

  #load(model: Uint8Array, arenaBytes: number, mostWork: number | undefined): Result<Shared> {
    try {
      const interpreter = Interpreter.create(this.#core, model, { arenaBytes, mostWork });
      if (hasState(interpreter)) return accept({ interpreter, model: undefined });
      const made = pooled(interpreter);
      return accept({ interpreter, model: this.#remembers ? remembering(made) : made });
    } catch (error) {
      return { ok: false, rejection: rejectionOfEngine(error) };
    }
  }
}

/** The first interpreter of a model, and what all devices share of it: nothing where it has state. */
interface Shared {
  readonly interpreter: Interpreter;
  readonly model: PooledModel | undefined;
}

/** Whether a model has variables, or operators that keep what they saw. */
function hasState({ report }: Interpreter): boolean {
  return report.variableBytes > 0;
}

function pooled(interpreter: Interpreter): PooledModel {
  const { inputs, outputs, macs, report } = interpreter;
  const facts: ModelFacts = {
    inputs,
    outputs,
    arenaBytes: report.arenaBytes + report.variableBytes,
    macs,
  };
  const sizes = [sizeOf(inputs), sizeOf(outputs)] as const;
  return {
    facts,
    report,
    run(input, output) {
      if (input.length !== sizes[0] || output.length !== sizes[1])
        throw new Error(`${input.length} bytes in and ${output.length} out`);
      let at = 0;
      for (const [i, { byteLength }] of inputs.entries()) {
        interpreter.inputView(i).set(input.subarray(at, at + byteLength));
        at += byteLength;
      }
      const hasOutput = interpreter.invoke();
      at = 0;
      for (const [i, { byteLength }] of outputs.entries()) {
        output.set(interpreter.outputView(i), at);
        at += byteLength;
      }
      return hasOutput;
    },
    confuse(output) {
      const [first] = outputs;
      if (first === undefined) return;
      const last = first.shape.at(-1) ?? 1;
      const step = first.byteLength / first.shape.reduce((product, size) => product * size, 1);
      const wrapped = output.slice(step * (last - 1), step * last);
      output.copyWithin(step, 0, step * (last - 1));
      output.set(wrapped);
    },
    reset: () => {
      interpreter.reset();
    },
  };
}
