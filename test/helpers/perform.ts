import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { Tasks, type Process } from '../../agent/core/process.js';

/** Runs a process that asks for nothing but digests and verifications, on the real library. */
export function perform<T>(process: Process<T>): T {
  const crypto = createNodeCrypto();
  const tasks = new Tasks();
  const done: { value?: { readonly given: T } } = {};
  tasks.run(
    (function* (): Process<void> {
      done.value = { given: yield* process };
    })(),
  );
  for (let effects = tasks.takeEffects(); effects.length > 0; effects = tasks.takeEffects()) {
    for (const effect of effects) {
      if (effect.kind === 'digest') tasks.answer(effect.request, crypto.sha256(effect.bytes));
      else if (effect.kind === 'verify') {
        const { publicKey, message, signature, request } = effect;
        tasks.answer(request, crypto.verifyEd25519(publicKey, message, signature));
      } else throw new Error(`the process asks for ${effect.kind}`);
    }
  }
  if (done.value === undefined) throw new Error('the process waits for ever');
  return done.value.given;
}
