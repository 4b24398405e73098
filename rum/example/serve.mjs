/** The example page: `node example/serve.mjs [port]`. Needs no account and no internet. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { startServer } from '../stand-ins/server.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const TYPES = { html: 'text/html', css: 'text/css', js: 'text/javascript' };

/** @param {number} [port] any free one by default */
export async function startExample(port = 0) {
  const { outputFiles } = await build({
    entryPoints: [join(here, 'shop.js')],
    alias: { 'statsig-datadog-rum': join(here, '..', 'src', 'index.ts') },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  const script = outputFiles.map(({ contents }) => Buffer.from(contents))[0];
  let decision = { gate: true, group: /** @type {string | null} */ ('Treatment') };
  const server = await startServer({
    port,
    decide: ({ userID }) => ({
      gates: { new_cart: decision.gate, 'gift-wrap': userID === 'ada' },
      experiments: { checkout_button: decision.group },
    }),
    serve: (path) => {
      if (path === '/received') return { type: 'application/json', body: JSON.stringify({ events: server.events.length }) };
      if (path === '/shop.js' && script) return { type: TYPES.js, body: script };
      const file = path === '/style.css' ? 'style.css' : 'index.html';
      return { type: file === 'style.css' ? TYPES.css : TYPES.html, body: readFileSync(join(here, file)) };
    },
    accept: (path, body) => {
      if (path === '/decide') decision = JSON.parse(body);
    },
  });
  return server;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startExample(Number(process.argv[2] ?? 8790));
  console.log(`A tea shop with Statsig and Datadog RUM, both stand-ins on this machine: ${url}`);
  console.log('Click through its pages, flip its gate and its experiment. Ctrl-C ends it.');
}
