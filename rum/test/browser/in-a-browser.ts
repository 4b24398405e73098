import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { type Arrangement, CHROMIUM, launch, Shop } from './shop.ts';

/** Tests that open a shop each. What the page complains of fails them. */
export const inABrowser = (tests: (open: (arrangement: Arrangement) => Promise<Shop>) => void) =>
  describe.skipIf(!CHROMIUM)('in a browser', () => {
    let browser: Browser;
    let shop: Shop;
    beforeAll(async () => {
      browser = await launch();
    });
    afterAll(() => browser.close());
    afterEach(async () => {
      expect(shop.complaints).toEqual([]);
      await shop.close();
    });

    tests(async (arrangement) => {
      shop = await Shop.open(browser, arrangement);
      return shop;
    });
  });
