/** The example page shows what it says. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startExample } from '../../example/serve.mjs';
import { CHROMIUM, launch } from './shop.ts';

describe.skipIf(!CHROMIUM)('in a browser', () => {
  let browser: Browser;
  let page: Page;
  let server: Awaited<ReturnType<typeof startExample>>;
  const outside: string[] = [];
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    server = await startExample();
    page = await browser.newPage();
    page.on('request', (request) => request.url().startsWith(server.url) || outside.push(request.url()));
  });
  afterEach(async () => {
    await page.close();
    await server.close();
    expect(outside).toEqual([]);
  });

  const rows = (id: string) => page.locator(`#${id} tr`).allInnerTexts();
  const opened = async (path: string) => {
    await page.goto(server.url + path);
    await page.waitForFunction(() => document.querySelectorAll('#flags tr').length === 3);
    // RUM starts some time after its `init`.
    await page.waitForSelector('#views td');
  };

  test('with the package, RUM is told on every view what Statsig decided', async () => {
    await opened('/');
    await page.click('nav >> text=Cart');
    await page.uncheck('#gate');
    await page.selectOption('#group', 'Control');
    await page.waitForSelector('button.Control');
    await page.click('nav >> text=Checkout');

    expect(await rows('flags')).toEqual([
      'new_cart\tfalse\tnew_cart: false',
      'gift-wrap\ttrue\tgift_wrap_xtp6a9: true',
      'checkout_button\tControl\texperiment_checkout_button: Control',
    ]);
    expect(await page.locator('.lost').count()).toBe(0);
  });

  test('with the recipe, it shows what is lost', async () => {
    await opened('/?link=recipe');
    await page.click('nav >> text=Cart');
    await page.click('nav >> text=Checkout');

    expect(await rows('flags')).toEqual([
      'new_cart\ttrue\tnothing',
      'gift-wrap\ttrue\tnothing',
      'checkout_button\tTreatment\tnothing',
    ]);
    expect((await rows('views'))[1]).toBe('/cart\tthe recipe\tnone');
  });

  test('another user has other flags', async () => {
    await opened('/');
    await page.selectOption('#user', 'bob');
    await page.waitForFunction(() => document.querySelectorAll('#flags tr')[1]?.textContent?.includes('false'));

    expect((await rows('flags'))[1]).toMatch(/^gift-wrap\tfalse\tgift_wrap_\w+: false$/);
  });
});
