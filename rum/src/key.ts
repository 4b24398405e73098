/** What Statsig has: each kind is a namespace of its own, so a gate and an experiment may share a name. */
export type Kind = 'gate' | 'experiment' | 'layer' | 'config';

/** The key under which the number of flags that were left out is told. */
export const LEFT_OUT = 'statsig_left_out';

/** Gates that would read like something else, or that no object can hold. */
const RESERVED = /^(experiment|layer|config)_|^(statsig_left_out|__proto__)$/;

/**
 * Letters, marks, digits and `_` stay. Datadog supports none of `. : + - = && || > < ! ( ) { } [ ] ^ " “ ” ~ * ? \`
 * and spaces in a key; whatever else its search may take for syntax (`/`, `,`, `@`, …) goes too.
 */
export function safe(text: string): string {
  return text.replace(/[^\p{L}\p{M}\p{N}_]/gu, '_');
}

/**
 * The key of a flag, from nothing but its kind and name: the same on each page, for each user, in any order of
 * evaluation. A gate has its own name, the others their kind before it. Where the name cannot stay as it is, a digest
 * of the original follows, so that `new-cart` and `new.cart` (`new_cart_…` both) do not become one flag.
 */
export function flagKey(kind: Kind, name: string, prefix = ''): string {
  const plain = kind === 'gate' ? name : `${kind}_${name}`;
  const key = safe(plain);
  const changed = key !== plain || (kind === 'gate' && RESERVED.test(name));
  return safe(prefix + key) + (changed ? `_${digest(`${kind}:${name}`)}` : '');
}

/** FNV-1a, 32 bits: short and well spread is all that is asked of it. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0).toString(36);
}
