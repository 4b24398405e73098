/** For a script tag: `StatsigDatadogRum.connectStatsigToRum(…)`. */
import { connectStatsigToRum } from './index.ts';

Object.assign(window, { StatsigDatadogRum: { connectStatsigToRum } });
