/** What users install. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifest = JSON.parse(read('package.json'));

test('the script is at most 2048 bytes, compressed', () => {
  expect(gzipSync(read('dist/statsig-datadog-rum.min.js'), { level: 9 }).length).toBeLessThanOrEqual(2048);
});

test('so is the ES module, once it is minified', () => {
  const minified = execFileSync('npx', ['esbuild', 'dist/index.mjs', '--minify', '--format=esm'], { cwd: ROOT });
  expect(gzipSync(minified, { level: 9 }).length).toBeLessThanOrEqual(2048);
});

test('the package has the builds, the types, its manual and its license, and nothing else', () => {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8' }),
  );
  expect(packed.files.map(({ path }: { path: string }) => path).sort()).toEqual([
    'LICENSE',
    'README.md',
    'dist/index.cjs',
    'dist/index.d.cts',
    'dist/index.d.ts',
    'dist/index.mjs',
    'dist/statsig-datadog-rum.min.js',
    'package.json',
  ]);
});

test('it depends on nothing', () => {
  expect(Object.keys(manifest).filter((key) => /dependencies/i.test(key))).toEqual(['devDependencies']);
});

test('what it is built and tested with is pinned, without the name of a registry', () => {
  const versions: string[] = Object.values(manifest.devDependencies);
  expect(versions.filter((version) => !/^(npm:@?[\w/-]+@)?\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  expect(read('package-lock.json')).not.toMatch(/"resolved"/);
});

test('its license and its version are those of the project', () => {
  expect(read('LICENSE')).toBe(read('../LICENSE'));
  expect(read('../datadog_checks/statsig/__about__.py')).toContain(`__version__ = '${manifest.version}'`);
});

test('its types go with the SDKs and with strict settings of a user', () => {
  const output = execFileSync('npx', ['tsc', '--project', 'test/consumer/tsconfig.json'], { cwd: ROOT, encoding: 'utf8' });
  expect(output).toBe('');
});

test('installed from its tarball, it is there for import and require, with types for both', () => {
  const folder = mkdtempSync(join(tmpdir(), 'consumer-'));
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { cwd: folder, encoding: 'utf8' });
  try {
    run('npm', 'pack', ROOT, '--ignore-scripts', '--silent');
    writeFileSync(join(folder, 'package.json'), '{"private": true}');
    run('npm', 'install', '--offline', '--silent', `./statsig-datadog-rum-${manifest.version}.tgz`);

    const use = 'console.log(typeof connectStatsigToRum, connectStatsigToRum().leftOut)';
    writeFileSync(join(folder, 'a.mjs'), `import { connectStatsigToRum } from 'statsig-datadog-rum'; ${use}`);
    writeFileSync(join(folder, 'b.cjs'), `const { connectStatsigToRum } = require('statsig-datadog-rum'); ${use}`);
    expect([run('node', 'a.mjs'), run('node', 'b.cjs')]).toEqual(['function 0\n', 'function 0\n']);

    const typed = `
      import { connectStatsigToRum, type Options } from 'statsig-datadog-rum';
      const options: Options = { prefix: 'shop_' };
      const leftOut: number = connectStatsigToRum(null, null, options).leftOut;
      // @ts-expect-error: a type that was not found would be any, and take this
      connectStatsigToRum(null, null, { limit: 'all' });
      console.log(leftOut);`;
    for (const name of ['c.mts', 'd.cts']) writeFileSync(join(folder, name), typed);
    const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
    const settings = ['--noEmit', '--strict', '--types', '', '--lib', 'es2018,dom', '--module', 'nodenext'];
    expect(run(tsc, ...settings, 'c.mts', 'd.cts')).toBe('');
    expect(read('dist/index.d.ts')).not.toMatch(/\bfrom '|import\(/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('nothing in it is newer than ES2018', () => {
  for (const file of ['index.mjs', 'index.cjs', 'statsig-datadog-rum.min.js']) {
    // esbuild leaves alone what the target has: from 2018 on that is all but newer syntax.
    expect(read(`dist/${file}`), file).not.toMatch(/\?\?|\?\.[a-z[(]|catch\s*{|\bglobalThis\b/);
  }
});

test('on a server it does nothing, and keeps no process alive', () => {
  const program = `
    import { connectStatsigToRum } from '${join(ROOT, 'dist', 'index.mjs')}';
    const connection = connectStatsigToRum(() => { throw 0 }, { addFeatureFlagEvaluation() { console.log('told') } });
    connection.gateEvaluationCallback('new_cart', true);
    connection.disconnect();
    console.log(connection.leftOut);
  `;
  const output = execFileSync('node', ['--input-type=module', '--eval', program], { encoding: 'utf8', timeout: 10_000 });
  expect(output).toBe('0\n');
});
