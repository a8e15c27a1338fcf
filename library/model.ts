import { CodedError } from '../protocol/coded-error.js';
import { rejectionOfEngine } from '../protocol/engine-codes.js';
import { Interpreter, type TensorFacts } from '../wasm/loader/interpreter.js';
import type { ModelReport, TensorType } from '../wasm/loader/model-report.js';
import {
  bytesOf,
  isStoredAs,
  realValues,
  store,
  viewElements,
  type TensorArray,
} from './tensor-array.js';

/** What a model may take. */
export interface ModelLimits {
  /** Activations and scratch buffers, in bytes; 256 MiB where absent. */
  readonly arenaBytes?: number;
  /** Work of an inference, in units of about a nanosecond of a fast host; about a minute of it where absent. */
  readonly mostWork?: number;
  /** Packs no weights: the least memory, and many times the time of an inference. Results are the same. */
  readonly compact?: boolean;
}

/**
 * Real values of an input, which are quantised by its scale and zero point; or its elements as they are stored, in the array type
 * of the tensor (`Int8Array` for int8, `BigInt64Array` for int64).
 */
export type InputValues = readonly number[] | TensorArray;

const defaultArenaBytes = 256 * 1_048_576;
const defaultMostWork = 2 ** 36;

/**
 * A TensorFlow Lite model that was verified and is ready to run. It lies in WebAssembly memory of its own, so that no model can
 * reach another, nor the program.
 */
export class Model {
  readonly #core: WebAssembly.Module;
  readonly #bytes: Uint8Array;
  readonly #limits: Required<ModelLimits>;
  readonly #own: Interpreter;
  readonly #first: ModelInterpreter;

  /**
   * Verifies a model. Throws a {@link CodedError} whose `code` says what is wrong with it and whose `remedy` what to do:
   * `model-not-tflite`, `operator-unsupported`, `arena-too-small` and others of docs/codes.md.
   *
   * @param core the compiled inference core
   * @param bytes the file; it is copied
   */
  constructor(core: WebAssembly.Module, bytes: Uint8Array, limits: ModelLimits = {}) {
    this.#core = core;
    this.#bytes = bytes.slice();
    this.#limits = requiredLimits(limits);
    this.#own = coded(() => Interpreter.create(this.#core, this.#bytes, this.#limits));
    this.#first = new ModelInterpreter(this.#own);
  }

  /** Name, type, shape and quantisation of each input. */
  get inputs(): readonly TensorFacts[] {
    return this.#first.inputs;
  }

  get outputs(): readonly TensorFacts[] {
    return this.#first.outputs;
  }

  /** Tensors, operators, memory plan and cost. */
  inspect(): ModelReport {
    return this.#first.report;
  }

  /**
   * Another interpreter of the model, with activations and variables of its own. By itself it has a copy of the weights too, and goes when
   * nobody holds it. With `sharesWeights` it lies in the memory of the model: it takes its arena alone, and stays as long as the
   * model; what `input` and `output` gave before is to be fetched anew.
   */
  interpreter({ sharesWeights = false } = {}): ModelInterpreter {
    return new ModelInterpreter(
      coded(() =>
        sharesWeights
          ? this.#own.another(this.#limits)
          : Interpreter.create(this.#core, this.#bytes, this.#limits),
      ),
    );
  }

  /**
   * Many interpreters whose inferences go step by step together, with the same results: faster where the weights of fully connected layers
   * are most of the work. They lie in the memory of the model and stay as long as it; `arenaBytes` of its limits is for all of them
   * together. Throws `batch-unsupported` where the model keeps state or calls subgraphs, because it would not be said which sample
   * comes after which.
   */
  batch(samples: number): ModelBatch {
    const batch = coded(() => this.#own.batch(samples, this.#limits));
    return {
      samples: batch.samples.map((sample) => new ModelInterpreter(sample)),
      invoke: () => {
        coded(() => {
          batch.invoke();
        });
      },
    };
  }

  /**
   * One inference. Gives the real values of each output; of none where the model waits for more inputs, as streaming models do
   * between two outputs. Throws a {@link CodedError}: `input-size-mismatch`, and what an
   * inference can end with. A model with variables goes on from the inference before.
   */
  run(...inputs: readonly InputValues[]): readonly Float32Array[] {
    if (inputs.length !== this.inputs.length) {
      throw new CodedError(
        'input-size-mismatch',
        `${inputs.length} inputs are given; the model has ${this.inputs.length}`,
      );
    }
    for (const [i, values] of inputs.entries()) this.#first.setInput(i, values);
    if (!this.#first.invoke()) return [];
    return this.outputs.map((_, i) => this.#first.values(i));
  }
}

/** Many inferences at once. */
export interface ModelBatch {
  /** One for each sample, to write its inputs and to read its outputs. */
  readonly samples: readonly ModelInterpreter[];
  /** One inference of each sample. */
  invoke(): void;
}

/** Runs a model, step by step. */
export class ModelInterpreter {
  readonly #interpreter: Interpreter;
  readonly #tensors = new WeakMap<Uint8Array, TensorArray>();

  constructor(interpreter: Interpreter) {
    this.#interpreter = interpreter;
  }

  get inputs(): readonly TensorFacts[] {
    return this.#interpreter.inputs;
  }

  get outputs(): readonly TensorFacts[] {
    return this.#interpreter.outputs;
  }

  get report(): ModelReport {
    return this.#interpreter.report;
  }

  /** The elements of an input as they are stored, to be written before each inference. */
  input(index: number): TensorArray {
    const { type } = factsOf(this.inputs, index);
    return this.#elements(type, () => this.#interpreter.inputView(index));
  }

  /** Writes an input. Throws `input-size-mismatch` where it has another number of elements. */
  setInput(index: number, values: InputValues): void {
    const facts = factsOf(this.inputs, index);
    const tensor = this.input(index);
    if (values.length !== tensor.length) {
      throw new CodedError(
        'input-size-mismatch',
        `${values.length} values for ${facts.name}, which has ${tensor.length} (${facts.shape.join(' x ') || 'scalar'})`,
      );
    }
    if (isStoredAs(facts.type, values)) bytesOf(tensor).set(bytesOf(values));
    else store(Array.from(values, Number), facts, tensor);
  }

  /**
   * One inference. Tells whether it has computed new outputs; where it has not, the model waits for more inputs and its outputs
   * hold what they held.
   */
  invoke(): boolean {
    return coded(() => this.#interpreter.invoke());
  }

  /** The elements of an output as they are stored; valid until the next inference. */
  output(index: number): TensorArray {
    const { type } = factsOf(this.outputs, index);
    return this.#elements(type, () => this.#interpreter.outputView(index));
  }

  /** The real values of an output. */
  values(index: number): Float32Array {
    return realValues(this.output(index), factsOf(this.outputs, index));
  }

  /** Gives variables their initial values: what comes next has nothing to do with what was before. */
  reset(): void {
    coded(() => {
      this.#interpreter.reset();
    });
  }

  /** Made once for each view that the interpreter gives. */
  #elements(type: TensorType, view: () => Uint8Array): TensorArray {
    const bytes = coded(view);
    const known = this.#tensors.get(bytes);
    if (known !== undefined) return known;
    const elements = viewElements(type, bytes);
    this.#tensors.set(bytes, elements);
    return elements;
  }
}

function factsOf(tensors: readonly TensorFacts[], index: number): TensorFacts {
  const facts = tensors[index];
  if (facts !== undefined) return facts;
  throw new RangeError(`there is no tensor ${index}; there are ${tensors.length}`);
}

/** Limits with what stands for those that are left out. */
export function requiredLimits({
  arenaBytes = defaultArenaBytes,
  mostWork = defaultMostWork,
  compact = false,
}: ModelLimits): Required<ModelLimits> {
  return { arenaBytes, mostWork, compact };
}

/** Gives refusals of the core the codes of the one table, and traps theirs. */
function coded<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    const { code, detail } = rejectionOfEngine(error);
    throw new CodedError(code, detail, { cause: error });
  }
}
