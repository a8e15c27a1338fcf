import { refuse, type Result } from '../../../protocol/result.js';
import type { Handle, Invoked } from '../../ports/engine.js';
import { EngineThread, type LoadedFacts, type ModelFile, type Outcome } from './engine-thread.js';

/** How long a thread may take to let go of a model. */
const dropDeadlineMs = 5_000;

/** What a request finds where its model is no longer here. */
const gone = (): Result<never> => refuse('engine-gone', 'the model was unloaded, or lost');

/**
 * One thread for several models. A model that ends it is gone, and nothing else: the others are loaded again from the files that
 * are kept here, and what they were asked meanwhile is asked again. So no model may be here that keeps anything
 * from one inference to the next.
 */
export class SharedThread {
  readonly #core: WebAssembly.Module;
  readonly #kept = new Map<Handle, ModelFile>();
  #thread: EngineThread | undefined;
  /** While a thread is made, and the models are loaded in it. */
  #making: Promise<EngineThread | undefined> | undefined;
  #closed = false;

  constructor(core: WebAssembly.Module) {
    this.#core = core;
  }

  async load(handle: Handle, file: ModelFile): Promise<Result<LoadedFacts>> {
    const loaded =
      (await this.#ask((thread) => thread.load(handle, file))) ??
      refuse('engine-unavailable', 'there is no thread for it');
    if (loaded.ok) this.#kept.set(handle, file);
    else await this.#endIfIdle();
    return loaded;
  }

  invoke(
    handle: Handle,
    input: Uint8Array,
    output: Uint8Array,
    deadlineMs: number,
  ): Promise<Result<Invoked>> {
    return this.#askOf(handle, (thread) => thread.invoke(handle, input, output, deadlineMs));
  }

  reset(handle: Handle, deadlineMs: number): Promise<Result<void>> {
    return this.#askOf(handle, (thread) => thread.reset(handle, deadlineMs));
  }

  /** Ends an instance; one that is at work with its thread, which nothing else would stop. */
  async unload(handle: Handle): Promise<void> {
    this.#kept.delete(handle);
    // It may have been loaded there already.
    await this.#making;
    const thread = this.#thread;
    if (thread === undefined || thread.hasEnded) return;
    if (thread.busyWith === handle) await thread.terminate();
    else await thread.drop(handle, dropDeadlineMs);
    await this.#endIfIdle();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#kept.clear();
    await this.#making;
    await this.#thread?.terminate();
  }

  async #askOf<T>(
    handle: Handle,
    request: (thread: EngineThread) => Promise<Outcome<T>>,
  ): Promise<Result<T>> {
    if (!this.#kept.has(handle)) return gone();
    const answer = await this.#ask(async (thread) =>
      this.#kept.has(handle) ? request(thread) : gone(),
    );
    if (answer === undefined) return gone();
    const isLost = !answer.ok && /^engine-(trapped|deadline|gone)$/.test(answer.rejection.code);
    if (isLost) this.#kept.delete(handle);
    return answer;
  }

  /** Asks the thread, and another one where it has ended over something else; undefined where none can be had. */
  async #ask<T>(
    request: (thread: EngineThread) => Promise<Outcome<T>>,
  ): Promise<Result<T> | undefined> {
    for (;;) {
      const thread = await this.#current();
      if (thread === undefined) return undefined;
      const answer = await request(thread);
      if (answer !== 'unheard') return answer;
    }
  }

  #current(): Promise<EngineThread | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    if (this.#thread?.hasEnded === false) return Promise.resolve(this.#thread);
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #make(): Promise<EngineThread | undefined> {
    for (;;) {
      let thread: EngineThread;
      try {
        thread = new EngineThread(this.#core);
      } catch {
        this.#kept.clear();
        return undefined;
      }
      if (await this.#fill(thread)) {
        this.#thread = thread;
        return thread;
      }
    }
  }

  /** Loads all that is kept; false where the thread has ended over one, which is kept no longer. */
  async #fill(thread: EngineThread): Promise<boolean> {
    for (const [handle, file] of this.#kept) {
      const loaded = await thread.load(handle, file);
      if (loaded === 'unheard') return false;
      if (!loaded.ok) this.#kept.delete(handle);
      if (thread.hasEnded) return false;
    }
    return true;
  }

  /** Gives the memory of a thread back that nobody needs. */
  async #endIfIdle(): Promise<void> {
    const thread = this.#thread;
    if (this.#kept.size === 0 && thread?.busyWith === undefined) await thread?.terminate();
  }
}
