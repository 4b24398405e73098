/** A picture of the example page: `node example/picture.mjs FILE.png`. Needs Chromium. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { startExample } from './serve.mjs';

const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
);
if (!executablePath || !process.argv[2]) throw new Error('Usage: CHROMIUM=/path node example/picture.mjs FILE.png');

const server = await startExample();
const browser = await chromium.launch({ executablePath, args: ['--headless', '--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: 1240, height: 600 } });
  const visit = async (/** @type {string[]} */ names) => {
    await page.waitForSelector('#flags tr');
    await page.waitForFunction('document.querySelectorAll("#views td:first-child").length');
    for (const name of names) {
      await page.click(`nav >> text=${name}`);
      await page.waitForTimeout(300);
    }
  };
  await page.goto(`${server.url}/?link=recipe`);
  await visit(['Green tea', 'Cart']);
  await page.click('[value=ours]');
  await visit(['Green tea', 'Catalogue', 'Checkout']);
  await page.waitForFunction(() => document.getElementById('intake')?.textContent);
  await page.waitForTimeout(3500); // RUM sends the newest state of the present view at most each 3 seconds
  await page.screenshot({ path: process.argv[2], fullPage: true });
} finally {
  await browser.close();
  await server.close();
}
