/** Features of new images, and their bits. */
const FEATURES: Record<string, number> = {
  LAYERING: 1,
  STRIPINGV2: 2,
  EXCLUSIVE_LOCK: 4,
  OBJECT_MAP: 8,
  FAST_DIFF: 16,
  DEEP_FLATTEN: 32,
  JOURNALING: 64,
  DATA_POOL: 128,
};

/** Their names as in `new_image_features`. */
export const FEATURE_NAMES: readonly string[] = Object.keys(FEATURES).map((name) => `RBD_FEATURE_${name}`);

/**
 * The bits of features such as `RBD_FEATURE_FAST_DIFF` or `fast-diff`; undefined if one is unknown.
 */
export function featureBits(names: readonly string[]): number | undefined {
  let bits = 0;
  for (const name of names) {
    const short = name
      .toUpperCase()
      .replaceAll('-', '_')
      .replace(/^RBD_FEATURE_/, '');
    const bit = Object.hasOwn(FEATURES, short) ? FEATURES[short] : undefined;
    if (bit === undefined) return undefined;
    bits |= bit;
  }
  return bits;
}
