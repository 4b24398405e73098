/** Every view that RUM sends, however it began, carries the last value of every flag. */
import { describe, expect, test } from 'vitest';
import { inABrowser } from './in-a-browser.ts';
import { type Arrangement, DECISIONS, FLAGS, type Shop } from './shop.ts';

inABrowser((open) => {
  let shop: Shop;

  const openShop = async (arrangement: Arrangement): Promise<void> => {
    shop = await open(arrangement);
    await shop.ready();
  };

  const errors = () =>
    shop.events.filter(({ type }) => type === 'error').map(({ error, feature_flags }) => [error?.message, feature_flags]);

  describe('five route changes', () => {
    const ROUTES = ['/', '/catalogue', '/catalogue/tea', '/cart', '/checkout', '/thanks'];

    /** Which of the two gates that the page asked for are missing, on which of the six views. */
    const gatesLost = async (arrangement: Arrangement, onEachRoute = () => {}): Promise<string[]> => {
      await openShop(arrangement);
      for (const path of ROUTES.slice(1)) {
        await shop.visit(path);
        await shop.page.evaluate(onEachRoute);
      }
      const views = await shop.views(ROUTES.length);
      expect(views.map(({ path }) => path)).toEqual(ROUTES);
      return views.flatMap(({ path, flags }) =>
        Object.keys(DECISIONS.gates!).flatMap((gate) => (gate in flags ? [] : [`${gate} on ${path}`])),
      );
    };

    const ALL_BUT_THE_FIRST_VIEW = ROUTES.slice(1).flatMap((path) => [`new_cart on ${path}`, `old_search on ${path}`]);

    test('keep the flags', async () => {
      expect(await gatesLost({ start: () => startShop('ours') })).toEqual([]);
    });

    test('lose them with the recipe of the documentation', async () => {
      const start = () => startShop('recipe');
      const lost = await gatesLost({ scripts: ['rum', 'statsig-legacy', 'page'], start });
      expect(lost).toEqual(ALL_BUT_THE_FIRST_VIEW);
    });

    test('lose them with the recipe and the SDK that Statsig supports, even where the gates are asked for again', async () => {
      const start = () => startShop('recipeWithPresentSdk');
      expect(await gatesLost({ start }, () => askForFlags())).toEqual(ALL_BUT_THE_FIRST_VIEW);
    });

    test('keep them with the legacy SDK', async () => {
      const start = () => startShop('oursWithLegacySdk');
      expect(await gatesLost({ scripts: ['rum', 'statsig-legacy', 'ours', 'page'], start })).toEqual([]);
    });

    test.each(['rum-5.17', 'rum-6.1'])('keep them with %s', async (rum) => {
      const start = () => startShop('ours');
      expect(await gatesLost({ scripts: [rum, 'statsig', 'ours', 'page'], start })).toEqual([]);
    });
  });

  test('the first view has gates, experiments, layers and dynamic configs', async () => {
    await openShop({ start: () => startShop('ours') });

    expect(await shop.views(1)).toEqual([{ path: '/', type: 'initial_load', flags: FLAGS }]);
  });

  test('so have views of the legacy SDK', async () => {
    const start = () => startShop('oursWithLegacySdk');
    await openShop({ scripts: ['rum', 'statsig-legacy', 'ours', 'page'], start });
    await shop.visit('/cart');

    expect((await shop.views(2)).map(({ flags }) => flags)).toEqual([FLAGS, FLAGS]);
  });

  test('so has a view that begins with a reload', async () => {
    await openShop({ start: () => startShop('ours') });
    await shop.page.reload();
    await shop.ready();

    expect((await shop.views(2)).map(({ flags }) => flags)).toEqual([FLAGS, FLAGS]);
  });

  test('so has one that begins with a hash, with replaceState, and with the way back', async () => {
    await openShop({ start: () => startShop('ours') });
    await shop.page.evaluate(() => (location.hash = '#/cart'));
    await shop.page.waitForFunction(() => DD_RUM.getInternalContext().view.url.endsWith('#/cart'));
    await shop.page.evaluate(() => history.replaceState({}, '', '/sale'));
    await shop.page.evaluate(() => history.back());
    await shop.page.waitForFunction(() => location.pathname === '/');

    const views = await shop.views(4);
    expect(views.map(({ path }) => path)).toEqual(['/', '/#/cart', '/sale', '/']);
    expect(views.map(({ flags }) => flags)).toEqual([FLAGS, FLAGS, FLAGS, FLAGS]);
  });

  test('so has one that the page starts itself', async () => {
    await openShop({
      start: () => {
        void startShop('ours', { rum: { trackViewsManually: true } });
        DD_RUM.startView('first');
        DD_RUM.startView('second');
      },
    });
    await shop.page.evaluate(() => DD_RUM.startView({ name: 'third' }));

    expect((await shop.views(3)).map(({ flags }) => flags).slice(1)).toEqual([FLAGS, FLAGS]);
  });

  test('so has one that comes out of the back/forward cache', async () => {
    await openShop({ start: () => startShop('ours') });
    await shop.comeBackFromCache();

    const views = await shop.views(2);
    expect(views.map(({ type }) => type)).toEqual(['initial_load', 'bf_cache']);
    expect(views.map(({ flags }) => flags)).toEqual([FLAGS, FLAGS]);
  });

  test('so has one that begins with a new session', async () => {
    await openShop({ start: () => startShop('ours') });
    await shop.page.waitForFunction(() => told.length >= 5 && DD_RUM.getInternalContext());
    await shop.page.evaluate(() => {
      told.splice(0);
      DD_RUM.stopSession();
    });
    // That there is no view has been seen: what is told from now on is told to the next.
    await shop.page.waitForFunction(() => !DD_RUM.getInternalContext() && told.length === 5);
    await shop.page.evaluate(() => told.splice(0));
    await shop.page.mouse.click(10, 10);
    await shop.page.waitForFunction(() => told.length === 5 && DD_RUM.getInternalContext());

    const views = await shop.views(2);
    expect(views.map(({ flags }) => flags)).toEqual([FLAGS, FLAGS]);
  });

  test('an error has its flags even right after the view began', async () => {
    await openShop({ start: () => startShop('ours') });
    await shop.page.evaluate(() => {
      history.pushState({}, '', '/cart');
      DD_RUM.addError(new Error('in /cart'));
      DD_RUM.startView('checkout');
      DD_RUM.addError(new Error('in checkout'));
    });
    await shop.views(3);

    expect(errors()).toEqual([
      ['in /cart', FLAGS],
      ['in checkout', FLAGS],
    ]);
  });

  test('so has one right after the browser changed the route', async () => {
    await openShop({
      start: async () => {
        await startShop('ours');
        for (const name of ['hashchange', 'popstate', 'pageshow']) {
          addEventListener(name, (event) => {
            if (name !== 'pageshow' || (event as PageTransitionEvent).persisted) DD_RUM.addError(new Error(`after ${name}`));
          });
        }
      },
    });
    await shop.page.evaluate(() => history.pushState({}, '', '/cart'));
    await shop.page.evaluate(() => history.back());
    await shop.page.waitForFunction(() => location.pathname === '/');
    await shop.page.evaluate(() => (location.hash = '#/sale'));
    await shop.comeBackFromCache();
    await shop.views(5);

    // RUM listens to popstate too when the hash changes, so that one comes first.
    expect(errors()).toEqual([
      ['after popstate', FLAGS],
      ['after popstate', FLAGS],
      ['after hashchange', FLAGS],
      ['after pageshow', FLAGS],
    ]);
  });

  test.each(['rum-6.1', 'rum'])('other events have them where %s is told to', async (rum) => {
    await openShop({
      scripts: [rum, 'statsig', 'ours', 'page'],
      start: () => startShop('ours', { rum: { trackFeatureFlagsForEvents: ['action'] } }),
    });
    await shop.visit('/cart');
    await shop.page.evaluate(() => DD_RUM.addAction('bought'));
    await shop.views(2);

    const actions = shop.events.filter(({ type }) => type === 'action');
    expect(actions.map(({ feature_flags }) => feature_flags)).toEqual([FLAGS]);
  });
});
