import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** The tests look at what users get: dist/, made anew. */
export function setup(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: join(import.meta.dirname, '..'), stdio: 'inherit' });
}
