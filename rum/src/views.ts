import type { Flag } from './assignments.ts';
import type { DatadogRum, PossibleRum } from './index.ts';

export interface Views {
  /** Tell a view that has not been told yet all flags. Whether there was one. */
  look(): boolean;
  /** These flags changed. */
  tell(changes: readonly Flag[]): void;
  /** RUM is there and has no view: not started yet, no consent, not sampled, session over. */
  waiting(): boolean;
  stop(): void;
}

/**
 * Keeps RUM's view in step with `flags()`.
 *
 * RUM tells nobody of a new view, but `getInternalContext().view.id` is another one then. It is looked at after
 * everything that starts a view: when `startView` and the history methods return, and at the events that RUM itself
 * listens to, in both cases after RUM, because its hooks are older. So an error in the first millisecond of a view has
 * its flags. A view that starts otherwise (when a session is renewed) is seen when the next flag is evaluated, at the
 * latest when `look` is called the next time.
 *
 * @param safeLook `look` of what is returned, made so that it neither throws nor does anything once all is over
 */
export function createViews(
  find: () => PossibleRum | null | undefined,
  flags: () => Flag[],
  safeLook: () => void,
): Views {
  /** The view that has been told. '': RUM is there and has none. */
  let view: string | undefined;
  let rum: DatadogRum | undefined;
  let started = false;
  let queued = false;
  const undo: (() => void)[] = [];

  const send = (changes: readonly Flag[]): void => {
    changes.forEach(([key, value]) => rum && rum.addFeatureFlagEvaluation(key, value));
  };

  const lookAfter = (target: any, method: string): void => {
    const original = target[method];
    if (!original) return;
    const hooked = function (this: unknown, ...args: unknown[]): unknown {
      try {
        return original.apply(this, args);
      } finally {
        safeLook();
      }
    };
    target[method] = hooked;
    // Where somebody has hooked in since, ours stays, without effect.
    undo.push(() => target[method] === hooked && (target[method] = original));
  };

  const load = (): void => {
    const candidate = find();
    if (!candidate) return;
    if (candidate.addFeatureFlagEvaluation) {
      rum = candidate as DatadogRum;
      lookAfter(rum, 'startView');
    } else if (candidate.onReady && !queued) {
      queued = true;
      candidate.onReady(safeLook);
    }
  };

  /** RUM has its hooks in place: ours come after them. */
  const start = (): void => {
    started = true;
    for (const method of ['pushState', 'replaceState']) {
      // Where RUM hooks in too: some frameworks replace the method of the object, else it is the prototype's.
      lookAfter(history.hasOwnProperty(method) ? history : History.prototype, method);
    }
    for (const event of ['popstate', 'hashchange', 'pageshow']) {
      addEventListener(event, safeLook);
      undo.push(() => removeEventListener(event, safeLook));
    }
  };

  const look = (): boolean => {
    if (!rum) load();
    if (!rum) return false;
    const { view: { id = '' } = {} } = rum.getInternalContext() || {};
    if (id === view) return false;
    view = id;
    if (id && !started) start();
    send(flags());
    return true;
  };

  return {
    look,
    waiting: () => view === '',
    tell: (changes) => look() || send(changes),
    stop: () => undo.forEach((action) => action()),
  };
}
