import { Model } from '../../library/browser.js';

/** What runs in the browser: loads a model, runs it, and sends the scores to the test. */
const core = {
  plain: '/tinylamp_bg.wasm',
  simd128: '/tinylamp_simd128_bg.wasm',
  relaxed: '/tinylamp_relaxed_bg.wasm',
};
const model = await Model.load('/model.tflite', { core });
const length = model.inputs[0]?.shape.reduce((product, size) => product * size, 1) ?? 0;
const scores = model.run(Array.from({ length }, (_, i) => Math.sin(i / 3) * 0.5));
const said = JSON.stringify(scores.map((output) => Array.from(output)));
await fetch('/said', { method: 'POST', body: said });
