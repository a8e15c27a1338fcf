/** WebAssembly's unit of memory. */
const pageBytes = 65_536;

/** The header of a module, and the number of its memory section (WebAssembly core specification, 5.5). */
const headerBytes = 8;
const memorySection = 5;

/**
 * The same module with a smaller maximum of its memory; itself where that is its own already. What an instance may take must be known to the engine
 * itself: neither a deadline nor `Worker.terminate` ends a thread as long as its memory grows.
 *
 * @param module one with a memory and a maximum of its own, which stays where `memoryBytes` is more
 */
export function withMemoryMaximum(module: Uint8Array, memoryBytes: number): Uint8Array {
  let at = headerBytes;
  while (at < module.length) {
    const content = readUnsigned(module, at + 1);
    const end = content.next + content.value;
    if (module[at] === memorySection) {
      const section = limitMemory(module, content.next, Math.ceil(memoryBytes / pageBytes));
      if (section.every((byte, i) => byte === module[at + i])) return module;
      const limited = new Uint8Array(at + section.length + module.length - end);
      limited.set(module.subarray(0, at));
      limited.set(section, at);
      limited.set(module.subarray(end), at + section.length);
      return limited;
    }
    at = end;
  }
  throw new Error('the module has no memory');
}

function limitMemory(module: Uint8Array, at: number, mostPages: number): number[] {
  const [count, kind] = module.subarray(at, at + 2);
  if (count !== 1 || kind !== 1) throw new Error('the module has not one memory with a maximum');
  const least = readUnsigned(module, at + 2);
  const most = readUnsigned(module, least.next);
  const pages = Math.max(least.value, Math.min(most.value, mostPages));
  const content = [1, 1, ...unsigned(least.value), ...unsigned(pages)];
  return [memorySection, ...unsigned(content.length), ...content];
}

/** LEB128, as all numbers of a module. */
function readUnsigned(bytes: Uint8Array, at: number): { value: number; next: number } {
  const byte = bytes[at] ?? 0;
  if (byte < 128) return { value: byte, next: at + 1 };
  const { value, next } = readUnsigned(bytes, at + 1);
  return { value: value * 128 + (byte & 127), next };
}

function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(Math.floor(value / 128))];
}
