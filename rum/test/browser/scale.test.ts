/** Many flags, odd names, and no flood. */
import { expect, test } from 'vitest';
import { inABrowser } from './in-a-browser.ts';
import { FLAGS, type Shop } from './shop.ts';

inABrowser((open) => {
  let shop: Shop;

  test('of 500 gates, 299 are on each view, beside the count of those that are not', async () => {
    const gates = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`gate_${index}`, index % 2 === 0]));
    shop = await open({
      decide: () => ({ gates }),
      start: async () => {
        startRum();
        newClient();
        connection = StatsigDatadogRum.connectStatsigToRum(client, DD_RUM);
        await client.initializeAsync();
        for (let index = 0; index < 500; index++) client.checkGate(`gate_${index}`);
        ready = true;
      },
    });
    await shop.ready();
    await shop.visit('/cart');
    expect(await shop.page.evaluate(() => connection.leftOut)).toBe(201);
    expect(shop.warnings).toEqual([
      'warning: statsig-datadog-rum: see statsig_left_out ',
    ]);

    const expected = { ...Object.fromEntries(Object.entries(gates).slice(0, 299)), statsig_left_out: 201 };
    expect((await shop.views(2)).map(({ flags }) => flags)).toEqual([expected, expected]);
  });

  test('names that RUM does not support arrive under keys that it does, none lost, none mixed up', async () => {
    const names = [
      ...['new.cart', 'new-cart', 'new cart', 'new_cart', 'new:cart', 'new+cart', 'new=cart', 'new&&cart', 'new||cart'],
      ...['a>b', 'a<b', 'a!b', 'a(b', 'a)b', 'a{b', 'a}b', 'a[b', 'a]b', 'a^b', 'a"b', 'a“b', 'a”b', 'a~b', 'a*b'],
      ...['a?b', 'a\\b', 'a/b', 'a,b', 'a@b', "a'b", 'a$b', '日本', 'größe', 'é', 'e\u0301', '🎉', '.', ' ', '__proto__'],
      ...['constructor', 'toString', 'experiment_new_cart', 'layer_new_cart', 'config_new_cart', 'statsig_left_out'],
    ];
    shop = await open({
      decide: () => ({ gates: Object.fromEntries(names.map((name, index) => [name, index % 3 === 0])) }),
      start: async () => {
        startRum();
        newClient();
        StatsigDatadogRum.connectStatsigToRum(client, DD_RUM);
        await client.initializeAsync();
        window.ask = (names) => names.map((name) => client.checkGate(name));
        ready = true;
      },
    });
    await shop.ready();
    const answers = await shop.page.evaluate((all) => ask(all), names);
    await shop.visit('/cart');
    // The other way round on the next page: keys do not hang on the order.
    await shop.page.reload();
    await shop.ready();
    await shop.page.evaluate((all) => ask(all.reverse()), names);

    const [first, second, third] = (await shop.views(3)).map(({ flags }) => flags);
    const keys = Object.keys(first!);
    expect(keys.filter((key) => !/^[\p{L}\p{M}\p{N}_]+$/u.test(key))).toEqual([]);
    expect(keys.length).toBe(names.length);
    expect(Object.values(first!)).toEqual(answers);
    expect(second).toEqual(first);
    expect(third).toEqual(first);
  });

  test('RUM is told once for each view and change, however often the page asks', async () => {
    shop = await open({
      start: async () => {
        startRum();
        newClient({ userID: 'ada' }, { disableEvaluationMemoization: true });
        StatsigDatadogRum.connectStatsigToRum(client, DD_RUM);
        await client.initializeAsync();
        flags = client;
        askForFlags();
        ready = true;
      },
    });
    await shop.ready();
    await shop.page.waitForFunction(() => told.length >= 5);
    await shop.visit('/cart');
    const calls = await shop.page.evaluate(() => {
      told.splice(0);
      for (let time = 0; time < 200; time++) askForFlags();
      const repeated = told.splice(0);
      history.pushState({}, '', '/checkout');
      for (let time = 0; time < 200; time++) askForFlags();
      return { repeated, newView: told };
    });

    expect(calls).toEqual({ repeated: [], newView: Object.entries(FLAGS) });
  });
});
