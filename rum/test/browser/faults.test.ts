/** Whatever is late, blocked or broken: the page does not notice, and the flags arrive where they can. */
import { expect, test, vi } from 'vitest';
import { inABrowser } from './in-a-browser.ts';
import { FLAGS, type Shop } from './shop.ts';

inABrowser((open) => {
  let shop: Shop;

  /** The loader that Datadog calls "CDN async": a queue, until the SDK has come. */
  const startWithAsyncLoader = async () => {
    window.DD_RUM = { q: [], onReady: (callback: () => void) => DD_RUM.q.push(callback) } as any;
    DD_RUM.onReady(() => startRum());
    const tag = document.createElement('script');
    tag.src = '/scripts/rum';
    document.head.append(tag);

    newClient();
    connection = StatsigDatadogRum.connectStatsigToRum(client, DD_RUM);
    DD_RUM.onReady(() => (toldAtOnce = told.length));
    await client.initializeAsync();
    flags = client;
    askForFlags();
    ready = true;
  };

  test('RUM that comes after the flags gets them all', async () => {
    let letIn = () => {};
    const held = new Promise<void>((resolve) => (letIn = resolve));
    shop = await open({
      scripts: ['statsig', 'ours', 'page'],
      start: startWithAsyncLoader,
      interfere: (path) => path === '/scripts/rum' && held,
    });
    await shop.page.waitForFunction('window.ready');
    letIn();
    await shop.page.waitForFunction(() => DD_RUM.getInternalContext?.() && told.length >= 10);
    expect(await shop.page.evaluate(() => toldAtOnce)).toBe(5);
    await shop.visit('/cart');

    expect((await shop.views(2)).map(({ flags }) => flags)).toEqual([FLAGS, FLAGS]);
  });

  test('a view that begins with the user\'s consent, after a long time, has its flags within a tenth of a second', async () => {
    shop = await open({
      stopClock: true,
      start: () => startShop('ours', { rum: { trackingConsent: 'not-granted' } }),
    });
    await shop.page.waitForFunction('window.ready');
    await shop.page.clock.runFor(60_000);
    await shop.page.evaluate(() => DD_RUM.setTrackingConsent('granted'));
    await shop.page.evaluate(() => told.splice(0));
    await vi.waitFor(async () => {
      await shop.page.clock.runFor(1);
      expect(await shop.page.evaluate(() => DD_RUM.getInternalContext())).toBeDefined();
    }, 5000);
    await shop.page.clock.runFor(100);

    expect(await shop.page.evaluate(() => told)).toEqual(Object.entries(FLAGS));
  });

  test('RUM that never comes is not missed', async () => {
    shop = await open({
      scripts: ['statsig', 'ours', 'page'],
      start: startWithAsyncLoader,
      interfere: (path) => path === '/scripts/rum' && 'cut',
    });
    await shop.page.waitForFunction('window.ready');
    await shop.visit('/cart');

    expect(await shop.page.evaluate(() => client.checkGate('new_cart'))).toBe(true);
  });

  test('a client that comes late is found before it has its first answer', async () => {
    shop = await open({
      start: async () => {
        startRum();
        StatsigDatadogRum.connectStatsigToRum(() => window.__STATSIG__?.firstInstance, DD_RUM);
        await new Promise((resolve) => setTimeout(resolve, 500));
        flags = newClient();
        await client.initializeAsync();
        askForFlags();
        ready = true;
      },
      interfere: (path) => path === '/v1/initialize' && new Promise((resolve) => setTimeout(resolve, 500)),
    });
    await shop.ready();
    await shop.visit('/cart');

    expect((await shop.views(2)).map(({ flags }) => flags)).toEqual([FLAGS, FLAGS]);
  });

  test('without Statsig, RUM goes on', async () => {
    shop = await open({
      scripts: ['rum', 'ours', 'page'],
      start: () => {
        startRum();
        StatsigDatadogRum.connectStatsigToRum(() => window.client, DD_RUM);
        StatsigDatadogRum.connectStatsigToRum();
        ready = true;
      },
    });
    await shop.ready();
    await shop.visit('/cart');

    expect((await shop.views(2)).map(({ flags }) => flags)).toEqual([{}, {}]);
  });

  test('where Statsig does not answer, RUM is told what the page is: gates are off, and nobody is in a group', async () => {
    shop = await open({
      start: () => startShop('ours'),
      interfere: (path) => path.startsWith('/v1/') && 'cut',
    });
    await shop.ready();
    await shop.visit('/cart');

    const off = { new_cart: false, old_search: false };
    expect((await shop.views(2)).map(({ flags }) => flags)).toEqual([off, off]);
  });

  test('a blocked intake blocks nothing else', async () => {
    shop = await open({
      start: () => startShop('ours'),
      interfere: (path) => path === '/intake' && 'cut',
    });
    await shop.ready();
    await shop.visit('/cart');

    expect(await shop.page.evaluate(() => client.checkGate('new_cart'))).toBe(true);
    expect(shop.events).toEqual([]);
  });

  test('SDKs that throw, and options that are none, are said once and not thrown', async () => {
    shop = await open({ start: () => (ready = true) });
    await shop.page.waitForFunction('window.ready');
    const broken = await shop.page.evaluate(() => {
      const { connectStatsigToRum } = StatsigDatadogRum;
      const fail = () => {
        throw new Error('broken SDK');
      };
      const rum = { addFeatureFlagEvaluation: fail, getInternalContext: () => ({ view: { id: 'a view' } }) };
      const first = connectStatsigToRum({ on: fail, off: fail, getContext: fail }, rum);
      first.gateEvaluationCallback('new_cart', true);
      first.evaluationCallback(undefined);
      history.pushState({}, '', '/cart');
      first.forget();
      first.disconnect();
      first.disconnect();
      connectStatsigToRum(fail, fail).disconnect();
      const unusable: any = { exclude: 7 };
      const told: string[] = [];
      const second = connectStatsigToRum(null, { ...rum, addFeatureFlagEvaluation: (key) => told.push(key) }, unusable);
      second.gateEvaluationCallback('secret', true);
      return told;
    });

    expect(broken).toEqual([]);
    expect(shop.warnings).toEqual([
      expect.stringMatching(/^warning: statsig-datadog-rum: flags may be missing: Error: broken SDK/),
      expect.stringMatching(/^warning: statsig-datadog-rum: flags may be missing: Error: broken SDK/),
      expect.stringMatching(/^warning: statsig-datadog-rum: not connected: TypeError: /),
    ]);
  });

  test('after disconnect, RUM is told nothing and the page is as it was', async () => {
    shop = await open({
      start: async () => {
        startRum();
        await newClient().initializeAsync();
        flags = client;
        ready = true;
      },
    });
    await shop.ready();
    const states = await shop.page.evaluate(() => {
      const state = () => [history.pushState, history.replaceState, DD_RUM.startView];
      const before = state();
      const events = new Map<string, unknown>();
      const { addEventListener, removeEventListener } = window;
      window.addEventListener = (name: string, listener: unknown) => void events.set(name, listener);
      window.removeEventListener = (name: string, listener: unknown) =>
        void (events.get(name) === listener && events.delete(name));
      connection = StatsigDatadogRum.connectStatsigToRum(client, DD_RUM);
      askForFlags();
      const meanwhile = state();
      const heard = [...events.keys()];
      connection.disconnect();
      Object.assign(window, { addEventListener, removeEventListener });
      const listeners = new Set<unknown>();
      const quiet = {
        on: (_: '*', listener: unknown) => listeners.add(listener),
        off: (_: '*', listener: unknown) => listeners.delete(listener),
        getContext: () => ({}),
      };
      StatsigDatadogRum.connectStatsigToRum(quiet, DD_RUM).disconnect();
      return {
        listeners: listeners.size,
        heard,
        stillHeard: [...events.keys()],
        hooked: meanwhile.map((method, index) => method !== before[index]),
        restored: state().map((method, index) => method === before[index]),
      };
    });
    await shop.visit('/cart');
    await shop.page.evaluate(() => client.updateUserAsync({ userID: 'bob' }).then(() => askForFlags()));

    expect(states).toEqual({
      listeners: 0,
      heard: ['popstate', 'hashchange', 'pageshow'],
      stillHeard: [],
      hooked: [true, true, true],
      restored: [true, true, true],
    });
    expect((await shop.views(2)).map(({ flags }) => flags)).toEqual([FLAGS, {}]);
  });

  test('what hooks into the history after us goes on when we disconnect', async () => {
    shop = await open({ start: () => startShop('ours') });
    await shop.ready();
    const visited = await shop.page.evaluate(() => {
      const seen: unknown[] = [];
      const { pushState } = History.prototype;
      History.prototype.pushState = function (...state) {
        seen.push(state[2]);
        pushState.apply(this, state);
      };
      connection.disconnect();
      history.pushState({}, '', '/cart');
      return seen;
    });

    expect(visited).toEqual(['/cart']);
    expect((await shop.views(2)).map(({ path, flags }) => [path, flags])).toEqual([
      ['/', FLAGS],
      ['/cart', {}],
    ]);
  });
});
