import type { Options } from './index.ts';
import { flagKey, type Kind, LEFT_OUT, safe } from './key.ts';

export type FlagValue = boolean | string | number;

/** What RUM is to be told. `undefined` takes the flag off the view again. */
export type Flag = readonly [key: string, value: FlagValue | undefined];

/** The last value of each flag. No I/O: each method returns what RUM is to be told now. */
export interface Assignments {
  /** A flag was evaluated. Without a value (a user in none of an experiment's groups) it is taken off. */
  record(kind: Kind, name: string, value: FlagValue | null | undefined): Flag[];
  /** The user changed: what was said of the last one no longer holds. */
  forget(): Flag[];
  /** For a new view, which starts with nothing. */
  all(): Flag[];
  /** How many flags were left out, if any were. */
  count(): Flag[];
  leftOut(): number;
}

/** So many names left out are remembered, to count each once. More than that are not counted. */
const MAX_LEFT_OUT = 10_000;

/**
 * The first `limit - 1` flags to come keep their places for as long as the page lives.
 *
 * @throws TypeError for options that cannot be used: then, not at each evaluation
 */
export function createAssignments({ prefix = '', include = [], exclude = [], limit = 300 }: Options = {}): Assignments {
  if (!(limit > 0)) throw TypeError('limit');
  const countKey = safe(prefix) + LEFT_OUT;
  const held = new Map<string, readonly [source: string, value: FlagValue | undefined]>();
  const leftOut = new Set<string>();
  const included = matcher(include.length ? include : ['*']);
  const excluded = matcher(exclude);

  const leave = (source: string): Flag[] => {
    if (leftOut.size < MAX_LEFT_OUT) leftOut.add(source);
    return [];
  };
  const assigned = (): Flag[] => {
    const flags: Flag[] = [];
    held.forEach(([, value], key) => value !== undefined && flags.push([key, value]));
    return flags;
  };
  const count = (): Flag[] => (leftOut.size ? [[countKey, leftOut.size]] : []);

  return {
    record(kind, name, given) {
      const source = `${kind}:${name}`;
      if (!name || excluded(source, name) || !included(source, name)) return [];
      const key = flagKey(kind, name, prefix);
      const value = given || given === false ? given : undefined;
      const [holder, last] = held.get(key) || [];
      if (!holder) {
        if (value === undefined) return [];
        if (held.size >= limit - 1) return leave(source);
      } else if (holder !== source) {
        // Two names with one key, digest included: it goes to the one that sorts first, whichever came first.
        if (holder < source) return leave(source);
        leave(holder);
        leftOut.delete(source);
      } else if (value === last) return [];
      held.set(key, [source, value]);
      return [[key, value]];
    },
    forget() {
      const flags = assigned();
      held.forEach(([source], key) => held.set(key, [source, undefined]));
      return flags.map(([key]) => [key, undefined]);
    },
    all: () => [...assigned(), ...count()],
    count,
    leftOut: () => leftOut.size,
  };
}

/** Between two `*` the first place that fits is taken, and (as lookaheads do) never given up: no name takes long. */
function matcher(patterns: readonly string[]): (source: string, name: string) => boolean {
  const expressions = patterns.map((pattern) => {
    let group = 0;
    const expression = pattern
      .replace(/[\\^$.+()[\]{}|]/g, '\\$&')
      .replace(/\?/g, '.')
      .replace(/\*+([^*]+)(?=\*)|\*+/g, (_, part) => (part ? `(?=(.*?${part}))\\${++group}` : '.*'));
    return [new RegExp(`^${expression}$`, 'su'), /^(experiment|layer|config|gate):/.test(pattern)] as const;
  });
  return (source, name) => expressions.some(([expression, ofKind]) => expression.test(ofKind ? source : name));
}
