import { createAssignments, type FlagValue, type Options } from './assignments.ts';
import type { Kind } from './key.ts';
import { createViews, type PossibleRum, type Views } from './views.ts';

export type { Options, PossibleRum };

/** What is used of a client of `@statsig/js-client`, which the React and other bindings have too. */
export interface StatsigClient {
  on(event: '*', listener: (event: any) => void): void;
  off(event: '*', listener: (event: any) => void): void;
  /** Of which `user` is read: `{ userID?, customIDs? }`. */
  getContext(): any;
}

/** A thing, or how to find it once it is there. */
export type Source<T> = T | (() => T | null | undefined) | null | undefined;

export interface Connection {
  /** Tell RUM nothing more, and leave the page as it was. */
  disconnect(): void;
  /** How many flags found no place: on each view too, as `statsig_left_out`. */
  readonly leftOut: number;
  /** The user changed. With `@statsig/js-client` that is noticed; with `statsig-js`, call this before `updateUser`. */
  forget(): void;
  /** For the options of the legacy `statsig-js`. */
  readonly evaluationCallback: (evaluation: any) => void;
  /** The same for gates alone: versions of `statsig-js` that have no `evaluationCallback`. */
  readonly gateEvaluationCallback: (name: string, value: boolean) => void;
}

type Timer = ReturnType<typeof setTimeout> | undefined;

/** Milliseconds between two looks at what tells nothing by itself: at first, and at most. */
const FIRST_LOOK = 20;
const LAST_LOOK = 1000;

/**
 * Puts the last value of each flag that the page asks Statsig for on every view of Datadog RUM: of a gate true or
 * false, of an experiment or layer the name of the group, of a dynamic config the id of the rule.
 *
 * Connect before the first flag is asked for: Statsig remembers its answers, and tells of each once. This never throws;
 * what goes wrong is said with `console.warn`, once.
 *
 * @param statsig the client, or a function that returns it once there is one; nothing for the legacy `statsig-js`
 * @param rum `datadogRum`, or a function that returns it; until it has loaded, `window.DD_RUM` is looked for
 */
export function connectStatsigToRum(
  statsig?: Source<StatsigClient>,
  rum?: Source<PossibleRum>,
  options?: Options,
): Connection {
  let over = typeof window === 'undefined';
  let assignments = createAssignments();
  let client: StatsigClient | undefined;
  let user: string | undefined;
  let counted = 0;
  let counting: Timer;
  let delay = FIRST_LOOK;
  let timer: Timer;
  const said = new Set<string>();

  /** Not by console.error: RUM would make an error of the page out of it. */
  const say = (what: string, error: unknown = ''): void => {
    if (!said.has(what)) console.warn(`statsig-datadog-rum: ${what}`, error);
    said.add(what);
  };
  const guarded =
    <A extends unknown[]>(action: (...args: A) => void) =>
    (...args: A): void => {
      try {
        if (!over) action(...args);
      } catch (error) {
        say('flags may be missing:', error);
      }
    };

  const views: Views = createViews(
    () => {
      const given = found(rum);
      return given?.addFeatureFlagEvaluation ? given : ((window as { DD_RUM?: PossibleRum }).DD_RUM ?? given);
    },
    () => assignments.all(),
    guarded(() => views.look()),
    () => (delay = FIRST_LOOK),
  );

  const put = guarded((kind: Kind, name: string, value: FlagValue | null | undefined) => {
    views.tell(assignments.record(kind, name, value));
    if (counted === assignments.leftOut()) return;
    counted = assignments.leftOut();
    say('more flags than the limit; statsig_left_out on the views counts them');
    // Flags come in bursts: one count for all of one.
    clearTimeout(counting);
    counting = setTimeout(guarded(() => views.tell(assignments.count())));
  });
  const forget = guarded(() => views.tell(assignments.forget()));

  const hear = guarded(({ name, gate, experiment, layer, dynamicConfig }: any) => {
    if (name === 'gate_evaluation') put('gate', gate.name, gate.value);
    if (name === 'experiment_evaluation') put('experiment', experiment.name, experiment.groupName);
    if (name === 'layer_evaluation') put('layer', layer.name, layer.groupName);
    if (name === 'dynamic_config_evaluation') put('config', dynamicConfig.name, dynamicConfig.ruleID);
    if (name === 'values_updated' && user !== (user = identity(client))) forget();
  });

  const attach = guarded(() => {
    if (client || !(client = found(statsig))) return;
    client.on('*', hear);
    user = identity(client);
  });

  const watch = (): void => {
    attach();
    guarded(() => views.look())();
    timer = setTimeout(watch, delay);
    delay = Math.min(delay * 1.1, LAST_LOOK); // a tenth of the time that has passed, at most
  };

  try {
    assignments = createAssignments(options);
  } catch (error) {
    over = true; // rather than send what was meant to be excluded
    say('not connected, because of its options:', error);
  }
  if (!over) watch();

  return {
    disconnect() {
      clearTimeout(timer);
      guarded(() => {
        views.stop();
        client?.off('*', hear);
      })();
      over = true;
    },
    get leftOut() {
      return assignments.leftOut();
    },
    forget,
    evaluationCallback: guarded(({ type, gate, config, layer }: any) => {
      const flag = gate ?? layer ?? config;
      put(type, flag.getName(), gate ? flag.getValue() : type === 'config' ? flag.getRuleID() : flag.getGroupName());
    }),
    gateEvaluationCallback: guarded((name, value) => put('gate', name, value)),
  };
}

function found<T extends object>(source: Source<T>): T | undefined {
  return (typeof source === 'function' ? source() : source) ?? undefined;
}

/** Whose flags these are. Other attributes of a user (a plan, a locale) make nobody else of them. */
function identity(client: StatsigClient | undefined): string {
  const { userID, customIDs } = client?.getContext().user ?? {};
  return JSON.stringify([userID, customIDs]);
}
