/**
 * Makes an interpreter of the loaded program. 0, or an error number; interpreters are numbered from 0.
 * @param {number} arena_bytes
 * @returns {number}
 */
export function create(arena_bytes) {
    const ret = wasm.create(arena_bytes);
    return ret >>> 0;
}

/**
 * Whether the last inference has computed new outputs: 1, or 0 where an operator waits for more inputs.
 * @returns {number}
 */
export function has_output() {
    const ret = wasm.has_output();
    return ret >>> 0;
}

/**
 * One inference. 0, or an error number.
 * @param {number} interpreter
 * @returns {number}
 */
export function invoke(interpreter) {
    const ret = wasm.invoke(interpreter);
    return ret >>> 0;
}

/**
 * One inference of each of so many interpreters, from this one on, step by step together. 0, or an error number.
 * @param {number} first
 * @param {number} samples
 * @returns {number}
 */
export function invoke_batch(first, samples) {
    const ret = wasm.invoke_batch(first, samples);
    return ret >>> 0;
}

/**
 * Verifies the model that was written to the reserved room and prepares it, where an inference takes at most so much work;
 * `compact` other than 0 packs no weights.
 * 0, or an error number; where operators are refused, the report tells which.
 * @param {number} most_work
 * @param {number} compact
 * @returns {number}
 */
export function load(most_work, compact) {
    const ret = wasm.load(most_work, compact);
    return ret >>> 0;
}

/**
 * Which byte, tensor or operator.
 * @returns {number}
 */
export function place_index() {
    const ret = wasm.place_index();
    return ret >>> 0;
}

/**
 * What the last refusal was about: 0 the model, 1 a byte, 2 a tensor, 3 an operator.
 * @returns {number}
 */
export function place_kind() {
    const ret = wasm.place_kind();
    return ret >>> 0;
}

/**
 * The builtin code of the operator; -1 where it is not known.
 * @returns {number}
 */
export function place_operator() {
    const ret = wasm.place_operator();
    return ret;
}

/**
 * The subgraph of the tensor or operator.
 * @returns {number}
 */
export function place_subgraph() {
    const ret = wasm.place_subgraph();
    return ret >>> 0;
}

/**
 * Takes the memory that a batch needs beside its interpreters. 0, or an error number.
 * @returns {number}
 */
export function prepare_batch() {
    const ret = wasm.prepare_batch();
    return ret >>> 0;
}

/**
 * Repeats one step of an inference, for a caller that measures it. 0, with the first of its operators as the place, or an
 * error number: behind the last step that of a call that is not valid.
 * @param {number} interpreter
 * @param {number} step
 * @param {number} times
 * @returns {number}
 */
export function repeat_step(interpreter, step, times) {
    const ret = wasm.repeat_step(interpreter, step, times);
    return ret >>> 0;
}

/**
 * Address of the report of the loaded program (layout in `report.rs`).
 * @returns {number}
 */
export function report_address() {
    const ret = wasm.report_address();
    return ret >>> 0;
}

/**
 * Length of the report; 0 where there is none.
 * @returns {number}
 */
export function report_bytes() {
    const ret = wasm.report_bytes();
    return ret >>> 0;
}

/**
 * Makes room for a model file; gives its address, or 0 where there is none.
 * @param {number} bytes
 * @returns {number}
 */
export function reserve(bytes) {
    const ret = wasm.reserve(bytes);
    return ret >>> 0;
}

/**
 * Zero-fills the arena and sets variables to their initial values. 0, or an error number.
 * @param {number} interpreter
 * @returns {number}
 */
export function reset(interpreter) {
    const ret = wasm.reset(interpreter);
    return ret >>> 0;
}

/**
 * Address of an input or output tensor of an interpreter; 0 where there is none.
 * @param {number} interpreter
 * @param {number} tensor
 * @returns {number}
 */
export function tensor_address(interpreter, tensor) {
    const ret = wasm.tensor_address(interpreter, tensor);
    return ret >>> 0;
}

function __wbg_get_imports() {
    const import0 = {
        __proto__: null,
        __wbindgen_init_externref_table: function() {
            const table = wasm.__wbindgen_externrefs;
            const offset = table.grow(4);
            table.set(0, undefined);
            table.set(offset + 0, undefined);
            table.set(offset + 1, null);
            table.set(offset + 2, true);
            table.set(offset + 3, false);
        },
    };
    return {
        __proto__: null,
        "./tinylamp_bg.js": import0,
    };
}

let wasmModule, wasm;
function __wbg_finalize_init(instance, module) {
    wasm = instance.exports;
    wasmModule = module;
    wasm.__wbindgen_start();
    return wasm;
}

async function __wbg_load(module, imports) {
    if (typeof Response === 'function' && module instanceof Response) {
        if (typeof WebAssembly.instantiateStreaming === 'function') {
            try {
                return await WebAssembly.instantiateStreaming(module, imports);
            } catch (e) {
                const validResponse = module.ok && expectedResponseType(module.type);

                if (validResponse && module.headers.get('Content-Type') !== 'application/wasm') {
                    console.warn("`WebAssembly.instantiateStreaming` failed because your server does not serve Wasm with `application/wasm` MIME type. Falling back to `WebAssembly.instantiate` which is slower. Original error:\n", e);

                } else { throw e; }
            }
        }

        const bytes = await module.arrayBuffer();
        return await WebAssembly.instantiate(bytes, imports);
    } else {
        const instance = await WebAssembly.instantiate(module, imports);

        if (instance instanceof WebAssembly.Instance) {
            return { instance, module };
        } else {
            return instance;
        }
    }

    function expectedResponseType(type) {
        switch (type) {
            case 'basic': case 'cors': case 'default': return true;
        }
        return false;
    }
}

function initSync(module) {
    if (wasm !== undefined) return wasm;


    if (module !== undefined) {
        if (Object.getPrototypeOf(module) === Object.prototype) {
            ({module} = module)
        } else {
            console.warn('using deprecated parameters for `initSync()`; pass a single object instead')
        }
    }

    const imports = __wbg_get_imports();
    if (!(module instanceof WebAssembly.Module)) {
        module = new WebAssembly.Module(module);
    }
    const instance = new WebAssembly.Instance(module, imports);
    return __wbg_finalize_init(instance, module);
}

async function __wbg_init(module_or_path) {
    if (wasm !== undefined) return wasm;


    if (module_or_path !== undefined) {
        if (Object.getPrototypeOf(module_or_path) === Object.prototype) {
            ({module_or_path} = module_or_path)
        } else {
            console.warn('using deprecated parameters for the initialization function; pass a single object instead')
        }
    }

    if (module_or_path === undefined) {
        module_or_path = new URL('tinylamp_bg.wasm', import.meta.url);
    }
    const imports = __wbg_get_imports();

    if (typeof module_or_path === 'string' || (typeof Request === 'function' && module_or_path instanceof Request) || (typeof URL === 'function' && module_or_path instanceof URL)) {
        module_or_path = fetch(module_or_path);
    }

    const { instance, module } = await __wbg_load(await module_or_path, imports);

    return __wbg_finalize_init(instance, module);
}

export { initSync, __wbg_init as default };
