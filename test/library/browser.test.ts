import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { build } from 'esbuild';
import { Model } from '../../library/node.js';
import { coreFiles } from '../../wasm/loader/builds.js';
import { requires } from '../helpers/requires.js';

const modelFile = path.resolve('simulator/demo/models/vibration-v2.tflite');

describe('The library in a browser', function () {
  this.timeout(300_000);
  let server: Server;
  let profile: string;
  /** What the page has sent. */
  let said: Promise<string>;

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
    const page = '<!doctype html><script type="module" src="/page.js"></script>';
    const pages: Readonly<Record<string, readonly [type: string, body: string | Uint8Array]>> = {
      '/': ['text/html', page],
      '/page.js': ['text/javascript', bundle.outputFiles[0]?.contents ?? ''],
      '/model.tflite': ['application/octet-stream', readFileSync(modelFile)],
      ...Object.fromEntries(
        Object.values(coreFiles).map((file) => [
          `/${file}`,
          ['application/wasm', readFileSync(path.join('wasm/pkg', file))] as const,
        ]),
      ),
    };
    server = createServer();
    said = new Promise((resolve) => {
      server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        const { url = '' } = request;
        if (url === '/said') void text(request).then(resolve);
        const [type, body] = pages[url] ?? ['text/plain', ''];
        response.writeHead(url in pages ? 200 : 404, { 'content-type': type }).end(body);
      });
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
    const browser = spawn('chromium', [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      ...[`--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`],
    ]);
    const ended = new Promise((resolve) => browser.once('close', resolve));
    const scoresThere = await said;
    browser.kill();
    await ended;
    const model = await Model.load(modelFile);
    const length = model.inputs[0]?.shape.reduce((product, size) => product * size, 1) ?? 0;
    const scores = model.run(Array.from({ length }, (_, i) => Math.sin(i / 3) * 0.5));
    assert.equal(scoresThere, JSON.stringify(scores.map((output) => Array.from(output))));
  });
});
