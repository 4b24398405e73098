/** What RUM is told is about the present user. */
import { expect, test } from 'vitest';
import { inABrowser } from './in-a-browser.ts';
import { DECISIONS, FLAGS, type Shop } from './shop.ts';

const BOB = { gates: { new_cart: false, old_search: true }, experiments: { checkout_button: 'Control' } };
const decide = ({ userID }: { userID?: string }) => (userID === 'bob' ? BOB : DECISIONS);

inABrowser((open) => {
  let shop: Shop;

  test.each(['rum-5.17', 'rum'])('after a user switch, only what was asked about the new user is on views: %s', async (rum) => {
    const scripts = [rum, 'statsig', 'ours', 'page'];
    shop = await open({ scripts, start: () => startShop('ours'), decide });
    await shop.ready();
    await shop.visit('/login');
    await shop.page.evaluate(() => client.updateUserAsync({ userID: 'bob' }));
    await shop.visit('/account');
    await shop.page.evaluate(() => {
      client.checkGate('new_cart');
      client.getExperiment('checkout_button');
    });
    await shop.visit('/cart');

    const ofBob = { new_cart: false, experiment_checkout_button: 'Control' };
    expect(await shop.views(4)).toMatchObject([
      { path: '/', flags: FLAGS },
      { path: '/login', flags: {} },
      { path: '/account', flags: ofBob },
      { path: '/cart', flags: ofBob },
    ]);
    const ofLogin = shop.events.filter(({ type, view }) => type === 'view' && view.url.endsWith('/login'));
    expect(ofLogin.at(-1)?.feature_flags).toEqual({});
  });

  test.each(['updateUserAsync', 'updateUserSync'] as const)('a page that asks again as soon as the values are updated: %s', async (update) => {
    shop = await open({ start: () => startShop('ours'), decide });
    await shop.ready();
    await shop.page.evaluate(async (method) => {
      await client.dataAdapter.prefetchData({ userID: 'bob' });
      let asked = false;
      client.on('values_updated', () => {
        if (!asked) client.checkGate('new_cart');
        asked = true;
      });
      await client[method]({ userID: 'bob' });
    }, update);
    await shop.visit('/account');

    const ofBob = { new_cart: false };
    expect((await shop.views(2)).map(({ flags }) => flags)).toEqual([ofBob, ofBob]);
  });

  test('another custom id makes another user, another order of them does not', async () => {
    const customIDs = { company: 'acme', team: 'red' };
    shop = await open({ start: () => startShop('ours'), decide });
    await shop.ready();
    const count = await shop.page.evaluate(async (ids) => {
      const switchTo = async (customIDs: Record<string, string>) => {
        await client.updateUserAsync({ userID: 'ada', customIDs });
        const forgotten = told.splice(0).filter(([, value]) => value === undefined).length;
        askForFlags();
        return forgotten;
      };
      const { company, team } = ids;
      return [
        await switchTo({ company, team }),
        await switchTo({ team, company }),
        await switchTo({ company, team: 'blue' }),
      ];
    }, customIDs);

    expect(count).toEqual([5, 0, 5]);
  });

  test('where we connect only after Statsig was initialised, the first switch is noticed, and no other', async () => {
    shop = await open({
      start: async () => {
        startRum();
        await newClient().initializeAsync();
        StatsigDatadogRum.connectStatsigToRum(client, DD_RUM);
        flags = client;
        askForFlags();
        ready = true;
      },
      decide,
    });
    await shop.ready();
    await shop.page.evaluate(() => client.updateUserAsync({ userID: 'ada', email: 'ada@example.com' }));
    await shop.visit('/cart');
    await shop.page.evaluate(() => client.updateUserAsync({ userID: 'bob' }));
    await shop.visit('/account');

    expect((await shop.views(3)).map(({ flags }) => flags)).toEqual([FLAGS, {}, {}]);
  });

  test('other attributes of the same user change nothing', async () => {
    shop = await open({ start: () => startShop('ours'), decide });
    await shop.ready();
    await shop.page.evaluate(() => client.updateUserAsync({ userID: 'ada', custom: { plan: 'gold' } }));
    await shop.visit('/cart');

    expect((await shop.views(2)).map(({ flags }) => flags)).toEqual([FLAGS, FLAGS]);
  });

  test('a flag that has another value when it is asked for again has it on the same view', async () => {
    let newCart = true;
    shop = await open({
      start: () => startShop('ours'),
      decide: () => ({ ...DECISIONS, gates: { new_cart: newCart }, experiments: { checkout_button: newCart ? 'A' : null } }),
    });
    await shop.ready();
    newCart = false;
    await shop.page.evaluate(async () => {
      await client.updateUserAsync({ userID: 'ada' });
      askForFlags();
    });

    const [view] = await shop.views(1);
    // Nobody's group any more, so no value that somebody could take for one.
    const { experiment_checkout_button: _, ...others } = FLAGS;
    expect(view?.flags).toEqual({ ...others, new_cart: false });
  });

  test('versions of the legacy SDK that tell of gates alone are heard', async () => {
    shop = await open({
      scripts: ['rum', 'statsig-legacy', 'ours', 'page'],
      start: async () => {
        startRum();
        const { gateEvaluationCallback } = StatsigDatadogRum.connectStatsigToRum(null, DD_RUM);
        const options = { api: `${location.origin}/v1`, gateEvaluationCallback };
        await statsig.initialize('client-key', { userID: 'ada' }, options);
        statsig.checkGate('new_cart');
        statsig.checkGate('old_search');
        ready = true;
      },
    });
    await shop.ready();
    await shop.visit('/cart');

    const gates = { new_cart: true, old_search: false };
    expect((await shop.views(2)).map(({ flags }) => flags)).toEqual([gates, gates]);
  });

  test('the legacy SDK is followed by forget()', async () => {
    shop = await open({
      scripts: ['rum', 'statsig-legacy', 'ours', 'page'],
      start: () => startShop('oursWithLegacySdk'),
      decide,
    });
    await shop.ready();
    await shop.page.evaluate(async () => {
      connection.forget();
      await statsig.updateUser({ userID: 'bob' });
      statsig.checkGate('new_cart');
    });
    await shop.visit('/account');

    expect((await shop.views(2)).map(({ flags }) => flags)).toEqual([{ new_cart: false }, { new_cart: false }]);
  });
});
