/** Makes dist/: an ES module, a script for a tag (`StatsigDatadogRum.connectStatsigToRum`), and the types. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');
const common = {
  bundle: true,
  target: 'es2020',
  legalComments: 'none',
};

rmSync(dist, { recursive: true, force: true });
await Promise.all([
  build({ ...common, entryPoints: [join(here, 'src', 'index.ts')], format: 'esm', outfile: join(dist, 'index.mjs') }),
  build({
    ...common,
    entryPoints: [join(here, 'src', 'script.ts')],
    format: 'iife',
    minify: true,
    outfile: join(dist, 'statsig-datadog-rum.min.js'),
  }),
]);
execFileSync(join(here, 'node_modules', '.bin', 'tsc'), ['--project', 'tsconfig.build.json'], {
  cwd: here,
  stdio: 'inherit',
});
