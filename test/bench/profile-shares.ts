/** Where an agent's computing time goes. */
export type Part = (typeof parts)[number];

export const parts = [
  'wasm',
  'codec',
  'mqtt',
  'handOver',
  'core',
  'collector',
  'rest',
] as const satisfies readonly string[];

/** Whatever else is on the stack: V8's own work for all of them, on threads of its own too. */
const collector =
  /Scaveng|v8::internal::(Heap|MarkCompact|MajorGC|MinorGC|GCTracer|ArrayBufferSweep)|Marking|Sweeper|v8::internal::compiler::/;

/** The first that fits a function of the stack says to which part it belongs. */
const partOfFunction: readonly (readonly [RegExp, Part])[] = [
  [/wasm-function|\/wasm\/loader\/|\/engine\/loaded-model\./, 'wasm'],
  [/\/adapters\/sources\/[a-z]+-decoder\.|\/plain-cbor\.|\/cbor-x\//, 'codec'],
  [/Json(Parse|Stringif)|Builtins_Json|encoding_binding/, 'codec'],
  [/\/adapters\/mqtt\/|\/sources\/mqtt-source\.|\/node_modules\//, 'mqtt'],
  [/\/adapters\/engine\/|MessagePort|node::worker|event_target/, 'handOver'],
  [/\/agent\/|\/protocol\//, 'core'],
  [/LibuvStreamWrap|uv__stream|uv__read|uv__write|uv__udp/, 'mqtt'],
];

/**
 * Shares of the samples of `perf script -F ip,sym` by part. A sample belongs to the innermost function of its stack of which it is
 * known: so what JavaScript itself and the system do is counted with whoever had it done, and `rest` is the event loop, and the
 * switch from thread to thread.
 */
export function sharesOf(script: string): ReadonlyMap<Part, number> {
  const stacks = script.split(/\n\s*\n/).filter((stack) => stack.trim() !== '');
  const counts = new Map<Part, number>(parts.map((part) => [part, 0]));
  for (const stack of stacks) {
    const part = partOf(stack);
    counts.set(part, (counts.get(part) ?? 0) + 1);
  }
  return new Map([...counts].map(([part, count]) => [part, count / stacks.length]));
}

function partOf(stack: string): Part {
  if (collector.test(stack)) return 'collector';
  for (const line of stack.split('\n')) {
    const known = partOfFunction.find(([name]) => name.test(line));
    if (known !== undefined) return known[1];
  }
  return 'rest';
}
