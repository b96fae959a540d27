/** The highest id that the column can have in the original's schema. */
export const LAST_ID = 2 ** 31 - 1;

/** Ids of stray rows that messages name. */
export const STRAY_EXAMPLES = 3;
