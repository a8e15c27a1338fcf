import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { Model } from '../../library/node.js';
import { requires } from '../helpers/requires.js';

const modelFile = path.resolve('simulator/demo/models/vibration-v2.tflite');

describe('The library in a browser', function () {
  this.timeout(60_000);
  let server: Server;
  let profile: string;

  before(async function () {
    requires(this, 'chromium');
    const bundle = await build({
      entryPoints: [path.resolve('dist/test/library/browser-page.js')],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      write: false,
      logLevel: 'silent',
    });
    const page = '<!doctype html><body>nothing yet<script type="module" src="/page.js"></script>';
    const pages: Readonly<Record<string, readonly [type: string, body: string | Uint8Array]>> = {
      '/': ['text/html', page],
      '/page.js': ['text/javascript', bundle.outputFiles[0]?.contents ?? ''],
      '/model.tflite': ['application/octet-stream', readFileSync(modelFile)],
      '/core.wasm': ['application/wasm', readFileSync('wasm/pkg/tinylamp_bg.wasm')],
    };
    server = createServer(({ url = '' }, response) => {
      const [type, body] = pages[url] ?? ['text/plain', ''];
      response.writeHead(url in pages ? 200 : 404, { 'content-type': type }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    profile = mkdtempSync(path.join(tmpdir(), 'tinylamp-browser-'));
  });
  after(() => {
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  });

  it('is bundled without a word of Node, and gives in Chromium what it gives in Node', async () => {
    const { port } = server.address() as AddressInfo;
    const shown = await dump(`http://127.0.0.1:${port}/`, profile);
    const [, text = ''] = /<body>(.*?)<\/body>/s.exec(shown) ?? [];
    const model = await Model.load(modelFile);
    const length = model.inputs[0]?.shape.reduce((product, size) => product * size, 1) ?? 0;
    const scores = model.run(Array.from({ length }, (_, i) => Math.sin(i / 3) * 0.5));
    assert.equal(text.trim(), JSON.stringify(scores.map((output) => Array.from(output))));
  });
});

/** The document as Chromium has it when all is loaded. */
async function dump(url: string, profile: string): Promise<string> {
  const child = spawn('chromium', [
    ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    `--user-data-dir=${profile}`,
    '--virtual-time-budget=20000',
    ...['--dump-dom', url],
  ]);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await new Promise((resolve) => child.once('close', resolve));
  return text;
}
