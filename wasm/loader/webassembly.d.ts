/**
 * The part of the WebAssembly JavaScript interface that the loader uses. Declared here, because it exists in Node,
 * workers and browsers alike, and the types of only one of them would let the others creep in.
 */
declare namespace WebAssembly {
  class Module {
    private readonly module: undefined;
    constructor(bytes: ArrayBufferView | ArrayBuffer);
    static imports(
      module: Module,
    ): { readonly module: string; readonly name: string; readonly kind: string }[];
  }

  class Instance {
    readonly exports: Readonly<Record<string, unknown>>;
    constructor(
      module: Module,
      imports?: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
    );
  }

  class Memory {
    private constructor();
    readonly buffer: ArrayBuffer;
    /** Gives the pages that it had; throws a RangeError where they would be more than its maximum. */
    grow(pages: number): number;
  }

  /** Whether the engine takes the module. */
  function validate(bytes: ArrayBufferView | ArrayBuffer): boolean;

  function compile(bytes: ArrayBufferView | ArrayBuffer): Promise<Module>;
}
