/**
 * The one table of codes: every refusal, event and failure that tinylamp can name.
 * A code never changes its meaning. `docs/codes.md` is made from this table, and a test compares them.
 */

/** Where a code comes from. The command line turns areas into exit codes. */
export type Area =
  | 'document' // bytes that claim to be a signed document
  | 'update' // the life of a release on a device
  | 'engine' // the inference core; `engine` is the number that the Rust side returns
  | 'input' // samples and files that models read
  | 'configuration'
  | 'transport'
  | 'storage'
  | 'usage';

export interface CodeEntry {
  readonly area: Area;
  /** What was wrong, in general; the particulars are in the refusal's detail. */
  readonly cause: string;
  /** What to do about it. */
  readonly remedy: string;
  /** The number that the Rust crate gives this code (`wasm/src/error.rs`). */
  readonly engine?: number;
}

export const codes = {
  // --- usage -----------------------------------------------------------------------------------
  'usage-invalid': {
    area: 'usage',
    cause: 'The command line was not understood.',
    remedy: 'Run the command with --help and correct the named argument.',
  },

  // --- document (CBOR, COSE, keysets, manifests, policies, beacons) ------------------------------

  // --- update ------------------------------------------------------------------------------------

  // --- engine ------------------------------------------------------------------------------------

  // --- input -------------------------------------------------------------------------------------

  // --- configuration -----------------------------------------------------------------------------

  // --- transport ---------------------------------------------------------------------------------

  // --- storage -----------------------------------------------------------------------------------
} as const satisfies Record<string, CodeEntry>;

/** The name of a code. */
export type Code = keyof typeof codes;
