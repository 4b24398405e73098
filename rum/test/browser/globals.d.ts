/** What scripts of the pages define: see page.js and the builds of the SDKs. */
import type { datadogRum } from '@datadog/browser-rum';
import type { StatsigClient } from '@statsig/js-client';
import type { Connection, Options } from '../../src/index.ts';

declare global {
  var DD_RUM: Omit<typeof datadogRum, 'getInternalContext'> & {
    getInternalContext(): { view: { id: string; url: string } };
    q: (() => void)[];
  };
  var statsig: typeof import('statsig-js').default;
  /** Each call of addFeatureFlagEvaluation since `startRum`. */
  var told: [key: string, value: unknown][];
  var StatsigDatadogRum: typeof import('../../src/index.ts');
  var __STATSIG__: { firstInstance?: StatsigClient } | undefined;
  var client: StatsigClient;
  var connection: Connection;
  var flags: StatsigClient;
  var ready: boolean;
  var toldAtOnce: number;
  var ask: (names: string[]) => boolean[];
  function startRum(options?: object): void;
  function newClient(user?: object, options?: object): StatsigClient;
  function startShop(link: string, options?: { rum?: object; ours?: Options }): Promise<void>;
  function askForFlags(): void;
}
