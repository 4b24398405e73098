/** What users install. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
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
    'dist/assignments.d.ts',
    'dist/index.d.ts',
    'dist/index.mjs',
    'dist/key.d.ts',
    'dist/statsig-datadog-rum.min.js',
    'dist/views.d.ts',
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
