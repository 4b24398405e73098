/**
 * Makes dist/: an ES module, the same for `require`, a script for a tag (`StatsigDatadogRum.connectStatsigToRum`), and
 * the types.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');
const common = {
  bundle: true,
  target: 'es2018',
  legalComments: 'none',
};

rmSync(dist, { recursive: true, force: true });
await Promise.all([
  build({ ...common, entryPoints: [join(here, 'src', 'index.ts')], format: 'esm', outfile: join(dist, 'index.mjs') }),
  build({ ...common, entryPoints: [join(here, 'src', 'index.ts')], format: 'cjs', outfile: join(dist, 'index.cjs') }),
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
// All public types are in that one file: it imports nothing, so it holds for both kinds of modules.
copyFileSync(join(dist, 'index.d.ts'), join(dist, 'index.d.cts'));
