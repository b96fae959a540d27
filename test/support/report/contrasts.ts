/** The contrast of a text with what is behind it. */
export interface Contrast {
  text: string;
  /** 1 to 21, as WCAG defines it. */
  ratio: number;
}

/**
 * A script for a browser: the {@link Contrast} of each visible text of a page. Only texts on plain
 * colours, which this page has alone.
 */
export const CONTRASTS = `(() => {
  const channels = (colour) => {
    const [red, green, blue, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
    return { rgb: [red, green, blue], alpha };
  };
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const { rgb, alpha } = channels(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return rgb;
    }
    return [255, 255, 255];
  };
  return [...document.body.querySelectorAll('*')]
    .filter((element) => element.checkVisibility() && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''))
    .map((element) => {
      const style = getComputedStyle(element);
      const front = channels(element instanceof SVGElement ? style.fill : style.color).rgb;
      const [low, high] = [luminance(front), luminance(behind(element))].sort((a, b) => a - b);
      return { text: element.textContent.slice(0, 40), ratio: Math.round(((high + 0.05) / (low + 0.05)) * 100) / 100 };
    });
})()`;
