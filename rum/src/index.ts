import { createAssignments, type FlagValue } from './assignments.ts';
import type { Kind } from './key.ts';
import { createViews, type Views } from './views.ts';

// All public types are here, so that the package has one file of them, which imports nothing.

export interface Options {
  /** Put before each key. */
  prefix?: string;
  /**
   * Shell patterns (`*` any text, `?` any one character) for the name, or for `kind:name` (`config:*`; kinds are gate,
   * experiment, layer and config). Without `include`, all are included; `exclude` wins.
   */
  include?: readonly string[];
  exclude?: readonly string[];
  /** At most so many flags, the count of those left out among them; Datadog's own limit is about 300 in a session. */
  limit?: number;
}

/** What is used of a client of `@statsig/js-client`, which the React and other bindings have too. */
export interface StatsigClient {
  on(event: '*', listener: (event: any) => void): void;
  off(event: '*', listener: (event: any) => void): void;
  /** Of which `user` is read: `{ userID?, customIDs? }`. */
  getContext(): any;
}

/** What is used of `datadogRum` (`@datadog/browser-rum` 5.17 or newer, or `DD_RUM` of the script tag). */
export interface DatadogRum {
  addFeatureFlagEvaluation(key: string, value: any): void;
  getInternalContext(): { view?: { id?: string } } | undefined;
}

/** Before the SDK has loaded, the loader of Datadog's "CDN async" set-up leaves a queue in its place. */
export type PossibleRum = Partial<DatadogRum> & { onReady?: (callback: () => void) => void };

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

/** Milliseconds between two looks at what tells nothing by itself: at first, while RUM has no view, and at most. */
const FIRST_LOOK = 20;
const WAITING_LOOK = 100;
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
  options?: Options | null,
): Connection {
  let over = typeof window === 'undefined';
  let assignments = createAssignments();
  let client: StatsigClient | null | undefined;
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
      return given && given.addFeatureFlagEvaluation ? given : (window as { DD_RUM?: PossibleRum }).DD_RUM || given;
    },
    () => assignments.all(),
    guarded(() => views.look()),
  );

  const put = guarded((kind: Kind, name: string, value: FlagValue | null | undefined) => {
    views.tell(assignments.record(kind, name, value));
    if (counted === assignments.leftOut()) return;
    counted = assignments.leftOut();
    say('see statsig_left_out');
    // Flags come in bursts: one count for all of one.
    clearTimeout(counting);
    counting = setTimeout(guarded(() => views.tell(assignments.count())));
  });
  const forget = guarded(() => views.tell(assignments.forget()));

  const hear = guarded(({ name, gate, experiment, layer, dynamicConfig }: any) => {
    // Listeners for one event are called before those for all: a page that asks anew when the values are updated is heard
    // before the update is.
    if (!/_eval|_updated/.test(name)) return; // at others, asking for the context would keep its session alive
    if (user !== (user = identity(client!))) forget();
    if (gate) put('gate', gate.name, gate.value);
    if (experiment) put('experiment', experiment.name, experiment.groupName);
    if (layer) put('layer', layer.name, layer.groupName);
    if (dynamicConfig) put('config', dynamicConfig.name, dynamicConfig.ruleID);
  });

  const attach = guarded(() => {
    if (client || !(client = found(statsig))) return;
    client.on('*', hear);
    user = identity(client);
  });

  const watch = (): void => {
    attach();
    guarded(() => views.look())();
    // A tenth of the time that has passed, at most.
    delay = Math.min(delay * 1.1, views.waiting() ? WAITING_LOOK : LAST_LOOK);
    timer = setTimeout(watch, delay);
  };

  try {
    assignments = createAssignments(options || {});
  } catch (error) {
    over = true; // rather than send what was meant to be excluded
    say('not connected:', error);
  }
  if (!over) watch();

  return {
    disconnect() {
      clearTimeout(timer);
      guarded(() => {
        views.stop();
        if (client) client.off('*', hear);
      })();
      over = true;
    },
    get leftOut() {
      return assignments.leftOut();
    },
    forget,
    evaluationCallback: guarded(({ type, gate, config, layer }: any) => {
      const flag = gate || layer || config;
      put(type, flag.getName(), gate ? flag.getValue() : type === 'config' ? flag.getRuleID() : flag.getGroupName());
    }),
    gateEvaluationCallback: guarded((name, value) => put('gate', name, value)),
  };
}

function found<T extends object>(source: Source<T>): T | null | undefined {
  return typeof source === 'function' ? source() : source;
}

/** Whose flags these are. Other attributes of a user (a plan, a locale) make nobody else of them. */
function identity(client: StatsigClient): string {
  const { userID, customIDs } = client.getContext().user || {};
  return JSON.stringify([userID, Object.entries(customIDs || {}).sort()]);
}
