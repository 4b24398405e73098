import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flagKey, type Kind, safe } from '../../src/key.ts';

/** Datadog's list of what a key must not contain. */
const UNSUPPORTED = [...'.:+-=&|><!(){}[]^"“”~*?\\ '];

const KINDS: Kind[] = ['gate', 'experiment', 'layer', 'config'];
const kind = fc.constantFrom(...KINDS);
/** Names that differ only in what is replaced, names that look like keys, and any others. */
const name = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '_', ...UNSUPPORTED), minLength: 1, maxLength: 6 }),
  fc.string({ unit: fc.constantFrom('experiment_', 'layer_', 'config_', 'gate_', 'a'), minLength: 1, maxLength: 3 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
  fc.constantFrom('statsig_left_out', '__proto__'),
);

describe('the key of a flag', () => {
  test('is its name for a gate, and begins with the kind for the others', () => {
    expect(KINDS.map((each) => flagKey(each, 'new_cart'))).toEqual([
      'new_cart',
      'experiment_new_cart',
      'layer_new_cart',
      'config_new_cart',
    ]);
  });

  test.each(UNSUPPORTED)('does not contain %j', (character) => {
    expect(flagKey('gate', `new${character}cart`)).toMatch(/^new_cart_[0-9a-z]+$/);
  });

  test('keeps letters and digits of any language', () => {
    expect(flagKey('gate', 'größe_日本_१२_हिन्दी')).toBe('größe_日本_१२_हिन्दी');
  });

  test('stays what it was: dashboards hang on it', () => {
    expect([flagKey('gate', 'new-cart'), flagKey('gate', 'new.cart'), flagKey('experiment', 'new cart')]).toEqual([
      'new_cart_6b0ngz',
      'new_cart_t0crdi',
      'experiment_new_cart_519rfs',
    ]);
  });

  test('holds nothing but letters, marks, digits and _', () => {
    fc.assert(
      fc.property(kind, name, fc.string(), (of, given, prefix) => {
        expect(flagKey(of, given, prefix)).toMatch(/^[\p{L}\p{M}\p{N}_]+$/u);
      }),
    );
  });

  test('is another one for every other flag', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(kind, name), { selector: ([of, given]) => `${of}:${given}` }), (flags) => {
        const keys = flags.map(([of, given]) => flagKey(of, given));
        expect(new Set(keys).size).toBe(flags.length);
      }),
      { numRuns: 500 },
    );
  });

  test('is never the one that tells how many flags were left out', () => {
    fc.assert(
      fc.property(kind, name, (of, given) => {
        expect(flagKey(of, given)).not.toBe('statsig_left_out');
      }),
    );
  });

  test('has the prefix, made safe too', () => {
    fc.assert(
      fc.property(kind, name, fc.string(), (of, given, prefix) => {
        expect(flagKey(of, given, prefix)).toBe(safe(prefix) + flagKey(of, given));
      }),
    );
  });
});
