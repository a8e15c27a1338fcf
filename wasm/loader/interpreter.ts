import { instantiateCore, type CoreExports } from './core-exports.js';
import { callInvalid, EngineError, promiseBroken } from './engine-error.js';
import {
  readReport,
  type ModelReport,
  type TensorReport,
  type TensorType,
} from './model-report.js';
import { describeRefusals } from './refusals.js';

/** What is known of a tensor at the border of a model. */
export interface TensorFacts {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Per-tensor quantisation; 0 and 0 where there is none. */
  readonly scale: number;
  readonly zeroPoint: number;
}

/** What a model may take. */
export interface InterpreterLimits {
  /** Activations, scratch buffers and variables. */
  readonly arenaBytes: number;
  /**
   * Multiply-accumulates, moved bytes and what else an inference does, each about a nanosecond of a fast host; two seconds of it
   * where left out.
   */
  readonly mostWork?: number | undefined;
  /**
   * Convolutions and fully connected layers read their weights in the file, and nothing is packed for them: with the same results, the
   * least memory and many times the time.
   */
  readonly compact?: boolean | undefined;
  /**
   * Channels that are the same for every input are computed all the same: for whoever measures what leaving them out saves. Results are
   * the same.
   */
  readonly keepConstantChannels?: boolean | undefined;
}

const defaultMostWork = 2 ** 31;

/** Types that an application can write and read. */
const borderTypes: ReadonlySet<string> = new Set([
  'float32',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
]);

/** The number of a type that a model cannot have at its border. */
const typeUnsupported = 14;

/** Many inferences of a model at once: faster than one after the other where weights are large. */
export interface Batch {
  /** An interpreter for each sample: its inputs are written and its outputs read as those of any other. */
  readonly samples: readonly Interpreter[];
  /** One inference of each sample. Throws what that of an interpreter does. */
  invoke(): void;
}

/** A WebAssembly instance with its model, and how many interpreters it has. */
interface Instance {
  readonly core: CoreExports;
  /** All of its memory. Memory that grows leaves the views of what it was without bytes: then there is a new one. */
  memory: Uint8Array;
  interpreters: number;
  trapped: boolean;
}

/** The tensors at the border of an interpreter, as they lie in the memory of its instance. */
interface Views {
  readonly memory: Uint8Array;
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
}

/**
 * A verified model in a WebAssembly instance of its own, or one more interpreter in the instance of another: a model can break only
 * its own instance. After a trap all interpreters of the instance refuse everything, and are thrown away.
 *
 * Nothing that the instance returns is believed: addresses are checked against its memory.
 */
export class Interpreter {
  readonly inputs: readonly TensorFacts[];
  readonly outputs: readonly TensorFacts[];
  readonly report: ModelReport;
  readonly #instance: Instance;
  readonly #number: number;
  #views: Views | undefined;

  /**
   * Verifies a model and takes all memory that it needs. Throws an {@link EngineError} where the model is
   * refused, and what WebAssembly throws at a trap.
   */
  static create(
    core: WebAssembly.Module,
    model: Uint8Array,
    limits: InterpreterLimits,
  ): Interpreter {
    const instance = instantiateCore(core);
    const address = instance.reserve(model.length);
    if (address === 0) throw new EngineError(5, `a model of ${model.length} bytes`);
    viewOf(instance, address, model.length).set(model);
    const options = (limits.compact ? 1 : 0) | (limits.keepConstantChannels ? 2 : 0);
    const refusal = instance.load(limits.mostWork ?? defaultMostWork, options);
    if (refusal !== 0) throw refusalOf(instance, refusal);
    const memory = new Uint8Array(instance.memory.buffer);
    const report = readReport(viewOf(instance, instance.report_address(), instance.report_bytes()));
    const made = { core: instance, memory, interpreters: 0, trapped: false };
    return Interpreter.#add(made, limits, report);
  }

  static #add(
    instance: Instance,
    { arenaBytes }: InterpreterLimits,
    report: ModelReport,
  ): Interpreter {
    const { core } = instance;
    check(core, core.create(Math.min(arenaBytes, 0xffffffff)));
    return new Interpreter(instance, instance.interpreters++, report);
  }

  private constructor(instance: Instance, number: number, report: ModelReport) {
    this.#instance = instance;
    this.#number = number;
    this.report = report;
    const facts = (index: number): TensorFacts => factsOf(this.#tensor(index));
    this.inputs = this.report.inputs.map(facts);
    this.outputs = this.report.outputs.map(facts);
  }

  /**
   * One more interpreter of the model, with activations and variables of its own. It shares the weights, and the fate of the instance.
   * Throws an {@link EngineError}. Views are to be fetched anew: the memory of the instance may have grown.
   */
  another(limits: InterpreterLimits): Interpreter {
    return this.#guarded(() => Interpreter.#add(this.#instance, limits, this.report));
  }

  /**
   * So many interpreters of the model whose inferences go step by step together. They share the weights, and the fate of the instance;
   * their arenas are within the limits all together. Throws an {@link EngineError}: 21 where the model keeps state or calls
   * subgraphs. Views are to be fetched anew.
   */
  batch(samples: number, { arenaBytes }: InterpreterLimits): Batch {
    if (!Number.isInteger(samples) || samples < 1)
      throw new RangeError(`a batch of ${samples} samples`);
    return this.#guarded(() => {
      const instance = this.#instance;
      const { core, interpreters: first } = instance;
      check(core, core.prepare_batch());
      // All together fit into the limit if each fits into its share.
      const share = { arenaBytes: Math.floor(arenaBytes / samples) };
      const made = Array.from({ length: samples }, () =>
        Interpreter.#add(instance, share, this.report),
      );
      return {
        samples: made,
        invoke: () => {
          this.#guarded(() => {
            infer(instance, () => core.invoke_batch(first, samples));
          });
        },
      };
    });
  }

  /** Activations and scratch buffers, in bytes. */
  get arenaBytes(): number {
    return this.report.arenaBytes;
  }

  /** Multiply-accumulates of one inference. */
  get macs(): number {
    return this.report.macs;
  }

  /**
   * The bytes of an input, to be written before each inference. The view is made once: it stays the same until the instance gets another
   * interpreter.
   */
  inputView(input: number): Uint8Array {
    return viewAt(this.#currentViews().inputs, input);
  }

  /** The bytes of an output: what they hold is valid until the next inference. The view stays as that of an input does. */
  outputView(output: number): Uint8Array {
    return viewAt(this.#currentViews().outputs, output);
  }

  /**
   * One inference. Tells whether it has computed new outputs: a model that collects several inputs for one output has
   * none in between. Throws an {@link EngineError}, or what WebAssembly throws at a trap.
   */
  invoke(): boolean {
    return this.#guarded(() => {
      const { core } = this.#instance;
      infer(this.#instance, () => core.invoke(this.#number));
      return core.has_output() !== 0;
    });
  }

  /**
   * Repeats one step of an inference, for whoever measures it; the inputs must have been written and the steps before it have run. Outputs
   * and variables mean nothing afterwards, until a `reset`. Gives the index of the operator that the step begins with, and undefined
   * behind the last step. A step is mostly one operator, but may be several. Throws what `invoke` does.
   */
  repeatStep(step: number, times: number): number | undefined {
    return this.#guarded(() => {
      const { core } = this.#instance;
      const number = core.repeat_step(this.#number, step, times);
      if (number === callInvalid) return undefined;
      check(core, number);
      return core.place_index() >>> 0;
    });
  }

  /** Zero-fills the arena and gives variables their initial values. */
  reset(): void {
    this.#guarded(() => {
      const { core } = this.#instance;
      check(core, core.reset(this.#number));
    });
  }

  #currentViews(): Views {
    const instance = this.#instance;
    refuseTrapped(instance);
    const memory = memoryOf(instance);
    if (this.#views?.memory === memory) return this.#views;
    const { inputs, outputs } = this.report;
    const view = (index: number): Uint8Array => this.#view(index);
    this.#views = { memory, inputs: inputs.map(view), outputs: outputs.map(view) };
    return this.#views;
  }

  #view(index: number): Uint8Array {
    const { byteLength } = this.#tensor(index);
    return this.#guarded(() => {
      const { core } = this.#instance;
      const address = core.tensor_address(this.#number, index);
      if (address === 0) throw new EngineError(callInvalid, `tensor ${index} has no address`);
      return viewOf(core, address, byteLength);
    });
  }

  #tensor(index: number): TensorReport {
    const tensor = this.report.tensors[index];
    if (tensor === undefined) throw new EngineError(callInvalid, `there is no tensor ${index}`);
    return tensor;
  }

  #guarded<T>(run: () => T): T {
    refuseTrapped(this.#instance);
    try {
      return run();
    } catch (error) {
      // An object still answers after a trap, but in what state nobody knows.
      if (!(error instanceof EngineError)) this.#instance.trapped = true;
      throw error;
    }
  }
}

export { EngineError } from './engine-error.js';

/** An instance that takes memory in an inference is broken: it has all that it needs, and would never give it back. */
function infer(instance: Instance, run: () => number): void {
  const { core } = instance;
  const memory = memoryOf(instance);
  const before = memory.length;
  check(core, run());
  if (memory.length !== before) {
    const taken = core.memory.buffer.byteLength - before;
    throw new EngineError(promiseBroken, `an inference took ${taken} bytes`);
  }
}

function refuseTrapped({ trapped }: Instance): void {
  if (trapped) throw new EngineError(callInvalid, 'the instance has trapped before');
}

function memoryOf(instance: Instance): Uint8Array {
  if (instance.memory.length === 0) instance.memory = new Uint8Array(instance.core.memory.buffer);
  return instance.memory;
}

function viewAt(views: readonly Uint8Array[], at: number): Uint8Array {
  const view = views[at];
  if (view === undefined) throw new EngineError(callInvalid, `there is no tensor ${at}`);
  return view;
}

function viewOf(core: CoreExports, address: number, length: number): Uint8Array {
  // Rust's addresses are unsigned; WebAssembly gives them as signed.
  const start = address >>> 0;
  if (start + length > core.memory.buffer.byteLength) {
    throw new Error(`the core names ${length} bytes at ${start}, beyond its memory`);
  }
  return new Uint8Array(core.memory.buffer, start, length);
}

/** Why a model was refused: with all of its operators that cannot run, where there are such. */
function refusalOf(core: CoreExports, number: number): EngineError {
  if (core.report_bytes() === 0) return new EngineError(number, describePlace(core));
  const report = readReport(viewOf(core, core.report_address(), core.report_bytes()));
  if (report.refused.length === 0) return new EngineError(number, describePlace(core));
  return new EngineError(number, describeRefusals(report), report);
}

function check(core: CoreExports, number: number): void {
  if (number !== 0) throw new EngineError(number, describePlace(core));
}

function describePlace(core: CoreExports): string {
  const index = core.place_index() >>> 0;
  const code = core.place_operator();
  const subgraph = core.place_subgraph() >>> 0;
  const within = subgraph === 0 ? '' : ` of subgraph ${subgraph}`;
  switch (core.place_kind()) {
    case 1:
      return `at byte ${index} of the model`;
    case 2:
      return `in tensor ${index}${within}`;
    case 3:
      return `in operator ${index}${within}${code < 0 ? '' : ` (builtin code ${code})`}`;
    default:
      return 'in the model as a whole';
  }
}

function factsOf({ name, type, shape, byteLength, scales, zeroPoint }: TensorReport): TensorFacts {
  if (!borderTypes.has(type)) throw new EngineError(typeUnsupported, `${name} is of type ${type}`);
  const scale = scales.length === 1 ? (scales[0] ?? 0) : 0;
  return {
    name,
    type: type as TensorType,
    shape,
    byteLength,
    scale,
    zeroPoint: scale === 0 ? 0 : zeroPoint,
  };
}
