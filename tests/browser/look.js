// What a machine can see of a page: what is too wide, raw, broken or, within `within`, too pale.
async (within) => {
  const inside = (node, kinds) => node.parentElement.closest(kinds);
  for (const image of document.images) image.loading = "eager";
  await Promise.all([...document.images].map((image) => image.decode().catch(() => null)));

  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  /** Red, green, blue and opacity of any CSS colour, from 0 to 1. */
  function rgba(colour) {
    if (!known.has(colour)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      known.set(colour, [...canvas.getImageData(0, 0, 1, 1).data].map((part) => part / 255));
    }
    return known.get(colour);
  }
  const over = (top, below) => below.map((part, i) => top[3] * top[i] + (1 - top[3]) * part);
  function paper(element) {
    if (!element) return [1, 1, 1];
    const colour = rgba(getComputedStyle(element).backgroundColor);
    return colour[3] === 1 ? colour.slice(0, 3) : over(colour, paper(element.parentElement));
  }
  function light(colour) {
    const [r, g, b] = colour.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  function opacity(element) {
    return element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1;
  }
  function contrast(element) {
    const style = getComputedStyle(element);
    const ink = rgba(element.closest("svg") ? style.fill : style.color);
    const below = paper(element);
    const shown = over([...ink.slice(0, 3), ink[3] * opacity(element)], below);
    const [dark, bright] = [light(shown), light(below)].sort((a, b) => a - b);
    const large = parseFloat(style.fontSize) >= (style.fontWeight >= 700 ? 18.66 : 24);
    return (bright + 0.05) / (dark + 0.05) / (large ? 3 : 4.5);
  }

  const pale = new Set(), raw = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const COMMAND = /\\[A-Za-z]+/, RAW = /\\[A-Za-z]+|\$[^\s$]|\*\*|```|\]\(|^\s*\||\|\s*:?---|<\/?[a-z]+[ >]|&[a-z]+;|^#+ /;
  while (texts.nextNode()) {
    const text = texts.currentNode, element = text.parentElement, words = text.data.trim();
    if (!words || !inside(text, within) || inside(text, "script, style, noscript")) continue;
    if (!inside(text, "pre, code") && (inside(text, "math") ? COMMAND : RAW).test(words)) raw.add(words.slice(0, 80));
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (inside(text, ":disabled, [aria-disabled=true]") || contrast(element) >= 1) continue;
    pale.add(`${(contrast(element) * 4.5).toFixed(1)} ${element.tagName}.${element.className}: ${words.slice(0, 30)}`);
  }
  const pictures = [...document.querySelectorAll(".picture, .jp-RenderedImage")];
  const whole = (image) => image.naturalWidth > 0 && image.checkVisibility() && image.getBoundingClientRect().width > 100;
  return {
    sideways: document.documentElement.scrollWidth - innerWidth,
    pictures: pictures.filter((box) => whole(box.querySelector("img"))).length,
    broken: [...document.images].filter((image) => !image.naturalWidth).map((image) => image.src.slice(-60)),
    unscrollable: pictures.filter((box) => box.getBoundingClientRect().right > innerWidth + 1).map((box) => box.outerHTML.slice(0, 80)),
    pale: [...pale], raw: [...raw],
  };
}
