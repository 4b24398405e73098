import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { vi } from 'vitest';
import { type Decisions, type RumEvent, startServer } from '../../stand-ins/server.mjs';

const ROOT = join(import.meta.dirname, '..', '..');

export const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
);

/** The builds of the SDKs that a page gets by script tags. */
const SCRIPTS: Record<string, string> = {
  rum: 'node_modules/@datadog/browser-rum/bundle/datadog-rum.js',
  'rum-6.1': 'node_modules/browser-rum-6.1/bundle/datadog-rum.js',
  'rum-5.17': 'node_modules/browser-rum-5.17/bundle/datadog-rum.js',
  statsig: 'node_modules/@statsig/js-client/build/statsig-js-client.min.js',
  'statsig-legacy': 'node_modules/statsig-js/build/statsig-prod-web-sdk.js',
  ours: 'dist/statsig-datadog-rum.min.js',
  page: 'test/browser/page.js',
};

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: CHROMIUM!,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync'],
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });

/** What Statsig decides for everybody, unless a test says otherwise. */
export const DECISIONS: Decisions = {
  gates: { new_cart: true, old_search: false },
  experiments: { checkout_button: 'Treatment' },
  layers: { home_page: 'Control' },
  configs: { shipping: 'rule_europe' },
};

/** How that looks in RUM. */
export const FLAGS = {
  new_cart: true,
  old_search: false,
  experiment_checkout_button: 'Treatment',
  layer_home_page: 'Control',
  config_shipping: 'rule_europe',
};

export interface Arrangement {
  /** Tags, in this order. */
  scripts?: (keyof typeof SCRIPTS)[];
  /** Runs in the page, after the scripts. */
  start: () => unknown;
  decide?: (user: { userID?: string }) => Decisions;
  /** Time passes only with `page.clock`. */
  stopClock?: boolean;
  /** Faults of the network: see `startServer`. (Playwright's own way loses what a page sends while it is left.) */
  interfere?: (path: string) => unknown;
}

export type Flags = Record<string, unknown>;

/** A page in a browser, and what RUM's intake got from it. */
export class Shop {
  /** Errors that reached the page. */
  readonly complaints: string[] = [];
  /** What we said on its console. */
  readonly warnings: string[] = [];

  private constructor(
    readonly page: Page,
    private readonly server: Awaited<ReturnType<typeof startServer>>,
  ) {
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.text().startsWith('statsig-datadog-rum')) this.warnings.push(`${message.type()}: ${message.text()}`);
    });
  }

  static async open(
    browser: Browser,
    { scripts = ['rum', 'statsig', 'ours', 'page'], start, decide = () => DECISIONS, interfere = () => {}, stopClock }: Arrangement,
  ): Promise<Shop> {
    const html = [
      '<!doctype html><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,"><body><h1>Shop</h1>',
      ...scripts.map((name) => `<script src="/scripts/${name}"></script>`),
      `<script>(${start.toString()})()</script>`,
    ].join('\n');
    const server = await startServer({
      decide,
      interfere,
      serve: (path) => {
        const script = SCRIPTS[path.replace('/scripts/', '')];
        return script
          ? { type: 'text/javascript', body: readFileSync(join(ROOT, script)) }
          : { type: 'text/html', body: html };
      },
    });
    const context = await browser.newContext();
    const shop = new Shop(await context.newPage(), server);
    if (stopClock) {
      await shop.page.clock.install();
      await shop.page.clock.pauseAt(Date.now() + 1000);
    }
    await shop.page.goto(server.url, { waitUntil: 'commit' });
    return shop;
  }

  get events(): readonly RumEvent[] {
    return this.server.events;
  }

  /** Until the page says that it is `ready`, and RUM has its first view: it starts some time after `init`. */
  async ready(): Promise<void> {
    await this.page.waitForFunction('window.ready && window.DD_RUM.getInternalContext()');
  }

  /** A route of a single-page application. */
  async visit(path: string): Promise<void> {
    await this.page.evaluate((to) => history.pushState({}, '', to), path);
  }

  /** Goes to another page and back. Playwright's own way back does not get along with the back/forward cache. */
  async comeBackFromCache(): Promise<void> {
    const protocol = await this.page.context().newCDPSession(this.page);
    await protocol.send('Page.enable');
    await this.page.goto(`${this.server.url}/scripts/page`);
    const restored = new Promise<void>((resolve) => {
      protocol.on('Page.frameNavigated', (event) => event.type === 'BackForwardCacheRestore' && resolve());
    });
    await this.page.evaluate(() => setTimeout(() => history.back()));
    await restored;
  }

  /** Leaves the page, which makes RUM send the rest, and returns the flags of each view, in order. */
  async views(count: number): Promise<{ path: string; flags: Flags; type: string | undefined }[]> {
    // A way back through the browser's cache may be under way still, and interrupts this one.
    await vi.waitFor(() => this.page.goto('about:blank'), { timeout: 10_000, interval: 100 });
    return vi.waitFor(
      () => {
        const newest = new Map<string, RumEvent>();
        for (const event of this.events.filter(({ type }) => type === 'view')) {
          const known = newest.get(event.view.id);
          if (!known || event._dd.document_version > known._dd.document_version) newest.set(event.view.id, event);
        }
        if (newest.size < count) throw new Error(`${newest.size} of ${count} views have arrived`);
        return [...newest.values()].map(({ view, feature_flags }) => {
          const { pathname, hash } = new URL(view.url);
          return { path: pathname + hash, flags: feature_flags ?? {}, type: view.loading_type };
        });
      },
      { timeout: 10_000, interval: 20 },
    );
  }

  async close(): Promise<void> {
    await this.page.context().close();
    await this.server.close();
  }
}
