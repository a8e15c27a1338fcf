import { Model } from '../../library/browser.js';

/** What runs in the browser: loads a model, runs it, and writes the scores where the test reads them. */
const model = await Model.load('/model.tflite', { core: '/core.wasm' });
const length = model.inputs[0]?.shape.reduce((product, size) => product * size, 1) ?? 0;
const scores = model.run(Array.from({ length }, (_, i) => Math.sin(i / 3) * 0.5));
const said = JSON.stringify(scores.map((output) => Array.from(output)));
const { document } = globalThis as unknown as { document: { body: { textContent: string } } };
document.body.textContent = said;
