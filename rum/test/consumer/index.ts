/** How a page uses the package, with the types of the real SDKs. Only compiled. */
import { datadogRum } from '@datadog/browser-rum';
import { StatsigClient } from '@statsig/js-client';
import { datadogRum as datadogRum5 } from 'browser-rum-5.17';
import { datadogRum as datadogRum6 } from 'browser-rum-6.1';
import statsig from 'statsig-js';
import { type Connection, connectStatsigToRum } from 'statsig-datadog-rum';

const client = new StatsigClient('client-key', { userID: 'ada' });
const connection: Connection = connectStatsigToRum(client, datadogRum, { prefix: 'shop_', exclude: ['config:*'], limit: 50 });
connectStatsigToRum(client, datadogRum5);
connectStatsigToRum(client, datadogRum6);
connectStatsigToRum(() => StatsigClient.instance('client-key'), () => window.DD_RUM);
connection.disconnect();

const { evaluationCallback, gateEvaluationCallback } = connectStatsigToRum(null, datadogRum);
void statsig.initialize('client-key', { userID: 'ada' }, { evaluationCallback, gateEvaluationCallback });

// @ts-expect-error: a pattern alone is no list
connectStatsigToRum(client, datadogRum, { include: 'checkout_*' });
// @ts-expect-error: the two are the wrong way round
connectStatsigToRum(datadogRum, client);

declare global {
  interface Window {
    DD_RUM?: typeof datadogRum;
  }
}
