import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAssignments, type Flag } from '../../src/assignments.ts';
import type { Options } from '../../src/index.ts';
import { flagKey, type Kind } from '../../src/key.ts';

type Evaluation = [kind: Kind, name: string, value: boolean | string | null];

const record = (evaluations: Evaluation[], options?: Options) => {
  const assignments = createAssignments(options);
  const told = evaluations.flatMap((evaluation) => assignments.record(...evaluation));
  return { assignments, told };
};
const names = (flags: readonly Flag[]) => flags.map(([key]) => key);

describe('which flags are followed', () => {
  const all: Evaluation[] = [
    ['gate', 'checkout_v2', true],
    ['gate', 'search_v2', true],
    ['experiment', 'checkout_button', 'A'],
    ['config', 'checkout_limits', 'rule'],
  ];

  test.each<[Options, string[]]>([
    [{}, ['checkout_v2', 'search_v2', 'experiment_checkout_button', 'config_checkout_limits']],
    [{ include: [] }, ['checkout_v2', 'search_v2', 'experiment_checkout_button', 'config_checkout_limits']],
    [{ include: ['checkout_*'] }, ['checkout_v2', 'experiment_checkout_button', 'config_checkout_limits']],
    [{ include: ['gate:*'] }, ['checkout_v2', 'search_v2']],
    [{ include: ['*_v?'] }, ['checkout_v2', 'search_v2']],
    [{ include: ['checkout'] }, []],
    [{ include: ['check*v*2', 's**h*?2'] }, ['checkout_v2', 'search_v2']],
    [{ include: ['*checkout_v2checkout*', '*2*2'] }, []],
    [{ exclude: ['config:*', 'search_v2'] }, ['checkout_v2', 'experiment_checkout_button']],
    [{ include: ['checkout_*'], exclude: ['checkout_v2'] }, ['experiment_checkout_button', 'config_checkout_limits']],
  ])('%j', (options, expected) => {
    expect(names(record(all, options).assignments.all())).toEqual(expected);
  });

  test('a pattern for a kind is none for names that look like it', () => {
    const flags: Evaluation[] = [
      ['config', 'gate:x', 'rule'],
      ['gate', 'x', true],
    ];
    expect(names(record(flags, { exclude: ['gate:*'] }).assignments.all())).toEqual([flagKey('config', 'gate:x')]);
    expect(names(record(flags, { include: ['config:gate:x'] }).assignments.all())).toEqual([flagKey('config', 'gate:x')]);
  });

  test('a pattern takes the names that a plain search through all splits takes', () => {
    const matches = ([first, ...others]: string[], name: string[]): boolean => {
      if (first === undefined) return name.length === 0;
      if (first === '*') return matches(others, name) || (name.length > 0 && matches([first, ...others], name.slice(1)));
      return name.length > 0 && (first === '?' || first === name[0]) && matches(others, name.slice(1));
    };
    const text = (...units: string[]) => fc.string({ unit: fc.constantFrom(...units), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(text('a', 'b', '.', '1', '*', '?'), text('a', 'b', '.', '1', '🎉'), (pattern, name) => {
        const followed = record([['gate', name, true]], { include: [pattern] }).told.length === 1;
        expect(followed).toBe(matches([...pattern], [...name]));
      }),
      { numRuns: 2000 },
    );
  });

  test('many * do not hold up the page', () => {
    // Trying all splits takes longer than anybody waits: this test would not end.
    expect(record([['gate', 'a'.repeat(200), true]], { include: [`${'*a'.repeat(30)}*b`] }).told).toEqual([]);
  });

  test.each([{ limit: Number.NaN }, { limit: null }, { limit: 0 }, { prefix: null }, { exclude: 7 }, { include: [null] }])(
    'options that cannot be used are refused at once: %j',
    (options) => {
      expect(() => createAssignments(options as unknown as Options)).toThrow(TypeError);
    },
  );

  test('whatever else a pattern contains stands for itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ minLength: 1 }), (pattern, name) => {
        const literal = pattern.replace(/[*?]/g, '');
        fc.pre(literal !== '' && !/^(gate|experiment|layer|config):/.test(literal));
        const followed = record([['gate', name, true]], { include: [literal] }).told.length === 1;
        expect(followed).toBe(name === literal);
        expect(record([['gate', literal, true]], { include: [literal] }).told).toHaveLength(1);
      }),
    );
  });
});

describe('what RUM is told', () => {
  test('a change, once', () => {
    const { told } = record([
      ['gate', 'new_cart', true],
      ['gate', 'new_cart', true],
      ['gate', 'new_cart', false],
      ['gate', 'new_cart', false],
    ]);
    expect(told).toEqual([
      ['new_cart', true],
      ['new_cart', false],
    ]);
  });

  test('nothing of a user who is in no group, and that a group no longer holds', () => {
    const { assignments, told } = record([
      ['experiment', 'button', null],
      ['experiment', 'button', 'A'],
      ['experiment', 'button', null],
      ['config', 'limits', ''],
    ]);
    expect(told).toEqual([
      ['experiment_button', 'A'],
      ['experiment_button', undefined],
    ]);
    expect(assignments.all()).toEqual([]);
  });

  test('that nothing holds any more when the user changes', () => {
    const { assignments } = record([
      ['gate', 'new_cart', true],
      ['experiment', 'button', null],
    ]);
    expect(assignments.forget()).toEqual([['new_cart', undefined]]);
    expect(assignments.forget()).toEqual([]);
    expect(assignments.all()).toEqual([]);
    expect(assignments.record('gate', 'new_cart', true)).toEqual([['new_cart', true]]);
  });
});

describe('the limit', () => {
  const gates = (count: number): Evaluation[] =>
    Array.from({ length: count }, (_, index) => ['gate', `gate_${index}`, true]);

  test.each([
    [{}, 299, 299],
    [{}, 300, 300],
    [{}, 5000, 300],
    [{ limit: 1 }, 5, 1],
    [{ limit: 10 }, 9, 9],
  ])('with %j, of %i flags there are %i keys', (options, asked, kept) => {
    const { assignments } = record(gates(asked), options);
    const told = Object.fromEntries(assignments.all());
    expect(Object.keys(told)).toHaveLength(kept);
    expect(told.statsig_left_out ?? 0).toBe(assignments.leftOut());
    expect(kept - (assignments.leftOut() ? 1 : 0) + assignments.leftOut()).toBe(asked);
  });

  test('counts each flag once, and up to 10,000 of them', () => {
    const { assignments } = record([...gates(20_000), ...gates(20_000)]);
    expect(assignments.leftOut()).toBe(10_000);
  });

  test('the flags that have a place keep it', () => {
    const { assignments } = record(gates(20), { limit: 3 });
    assignments.forget();
    expect(assignments.record('gate', 'gate_7', true)).toEqual([]);
    expect(assignments.record('gate', 'gate_1', true)).toEqual([['gate_1', true]]);
  });

  test('the prefix is before the count too', () => {
    expect(record(gates(5), { limit: 1, prefix: 'shop.' }).assignments.all()).toEqual([['shop_statsig_left_out', 5]]);
  });
});

describe('two flags with one key', () => {
  /** Names of which the digests are equal too: one in 2³² pairs, so they have to be looked for. */
  const [first, second] = (() => {
    const seen = new Map<string, string>();
    for (let number = 0; ; number++) {
      const name = [...number.toString(2).padStart(24, '0')].map((bit) => (bit === '1' ? '-' : '.')).join('');
      const key = flagKey('gate', name);
      const other = seen.get(key);
      if (other) return [other, name].sort() as [string, string];
      seen.set(key, name);
    }
  })();

  test.each([
    ['first', 'second', [first, second]],
    ['second', 'first', [second, first]],
  ])('the %s before the %s: the first has it', (_1, _2, order) => {
    const { assignments } = record(order.map((name) => ['gate', name, name === first]));
    expect(assignments.all()).toEqual([
      [flagKey('gate', first), true],
      ['statsig_left_out', 1],
    ]);
  });
});

test('a view that is told all() stands where one that was told every change stands', () => {
  const evaluation = fc.tuple(
    fc.constantFrom<Kind>('gate', 'experiment'),
    fc.constantFrom('a', 'a.b', 'a-b', 'a_b', 'c'),
    fc.constantFrom(true, false, 'A', 'B', null),
  );
  const step = fc.oneof({ weight: 9, arbitrary: evaluation }, { weight: 1, arbitrary: fc.constant('forget' as const) });
  fc.assert(
    fc.property(fc.array(step), fc.integer({ min: 1, max: 8 }), (steps, limit) => {
      const assignments = createAssignments({ limit });
      const followed = new Map<string, unknown>();
      for (const each of steps) {
        const told = each === 'forget' ? assignments.forget() : assignments.record(...each);
        for (const [key, value] of [...told, ...assignments.count()]) followed.set(key, value);
      }
      const present = [...followed].filter(([, value]) => value !== undefined);
      expect(Object.fromEntries(assignments.all())).toEqual(Object.fromEntries(present));
    }),
  );
});

test('the order of evaluation changes neither keys nor values', () => {
  const flags = fc.uniqueArray(fc.tuple(fc.constantFrom<Kind>('gate', 'layer'), fc.string({ minLength: 1 })), {
    selector: ([kind, name]) => `${kind}:${name}`,
    maxLength: 20,
  });
  fc.assert(
    fc.property(
      flags.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
      ([given, shuffled]) => {
        const of = (order: [Kind, string][]) =>
          Object.fromEntries(record(order.map(([kind, name]) => [kind, name, `${kind} ${name}`])).assignments.all());
        expect(of(shuffled)).toEqual(of(given));
      },
    ),
  );
});
