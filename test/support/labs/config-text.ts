/** Sections of backy.cfg with their options. */
export type Sections = Record<string, Record<string, string | number>>;

/** The text of a config file; later layers win. */
export function configText(layers: readonly Sections[]): string {
  const merged: Sections = {};
  for (const layer of layers) {
    for (const [section, options] of Object.entries(layer)) merged[section] = { ...merged[section], ...options };
  }
  return Object.entries(merged)
    .map(([section, options]) => sectionText(section, options))
    .join('\n');
}

function sectionText(section: string, options: Record<string, string | number>): string {
  const lines = Object.entries(options).map(([key, value]) => `${key}: ${value}`);
  return [`[${section}]`, ...lines, ''].join('\n');
}
