// Colours of what is drawn on the canvas, for either theme. What HTML shows has the same ones in style.css.

export type Scheme = "dark" | "light";

export interface Palette {
  canvas: string;
  dot: string;
  node: string;
  title: string;
  border: string;
  shadow: string;
  text: string;
  muted: string;
  faint: string;
  field: string;
  fieldBorder: string;
  accent: string;
  onAccent: string;
  good: string;
  cached: string;
  error: string;
  errorBack: string;
  errorText: string;
  picture: string;
  linkBorder: string;
  bypassed: string;
  group: string;
  groupTitle: string;
}

const dark: Palette = {
  canvas: "#14161b", dot: "#2d323d", node: "#20242c", title: "#282d37", border: "#363c49", shadow: "rgba(0,0,0,.45)",
  text: "#e7eaf0", muted: "#9aa3b2", faint: "#667080", field: "#171a20", fieldBorder: "#333946",
  accent: "#5b9dff", onAccent: "#06142b", good: "#3fbf8a", cached: "#7c88a0",
  error: "#ff6464", errorBack: "#3b1d22", errorText: "#ffd2d2", picture: "#14161b", linkBorder: "rgba(0,0,0,.45)", bypassed: "#33264a", group: "rgba(140,160,200,.07)", groupTitle: "#a4b0c6",
};

const light: Palette = {
  canvas: "#eef0f4", dot: "#d3d8e1", node: "#ffffff", title: "#f6f7fa", border: "#ccd2dd", shadow: "rgba(30,40,60,.14)",
  text: "#1c2330", muted: "#5b6576", faint: "#8d97a8", field: "#f4f6f9", fieldBorder: "#d5dae3",
  accent: "#1f6fe5", onAccent: "#ffffff", good: "#12875a", cached: "#7b879b",
  error: "#d42b3a", errorBack: "#fdecee", errorText: "#8c1220", picture: "#eef0f4", linkBorder: "rgba(255,255,255,.75)", bypassed: "#efe6fb", group: "rgba(80,110,160,.09)", groupTitle: "#52617c",
};

export const PALETTES: Record<Scheme, Palette> = { dark, light };

/** The palette in use. */
export let palette: Palette = dark;
export let scheme: Scheme = "dark";

export function usePalette(next: Scheme): void {
  scheme = next;
  palette = PALETTES[next];
}

// Links: hues that ComfyUI's users know, and for our own type the green of instances.
const HUES: Record<string, number> = {
  MODEL: 262, CLIP: 48, VAE: 2, CONDITIONING: 28, LATENT: 318, IMAGE: 208, MASK: 128, ISAC_INSTANCES: 164,
  INT: 190, FLOAT: 150, STRING: 95, BOOLEAN: 230, COMBO: 215,
};

/** The colour of a type's links and slots; types that nobody knows get one of their own too. */
export function typeColour(type: string): string {
  if (type === "*") return palette.muted;
  const hue = HUES[type] ?? [...type].reduce((h, c) => (h * 31 + c.charCodeAt(0)) % 360, 7);
  return scheme === "dark" ? `hsl(${hue} 72% 68%)` : `hsl(${hue} 68% 44%)`;
}

/** A category's stripe on its nodes. */
export function categoryColour(category: string): string {
  const known: Record<string, number> = { loaders: 262, conditioning: 28, latent: 318, sampling: 208, image: 190, isac: 164 };
  const top = category.split("/")[0] ?? "";
  const hue = known[top] ?? [...top].reduce((h, c) => (h * 31 + c.charCodeAt(0)) % 360, 7);
  return scheme === "dark" ? `hsl(${hue} 55% 60%)` : `hsl(${hue} 60% 46%)`;
}

/** Instances: the colours of the pictures that ISACMasks paints (Okabe and Ito's, told apart in every colour vision). */
export const INSTANCES = ["#E69F00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442"] as const;

export function instanceColour(instance: number): string {
  return INSTANCES[instance % INSTANCES.length]!;
}

/** The colour of a method's i-th loss. */
export function lossColour(i: number): string {
  const colours = scheme === "dark" ? ["#f0a63c", "#5fb4ff", "#7ddc8a"] : ["#c97800", "#0a6cc2", "#1b7f3b"];
  return colours[i % colours.length]!;
}

export const FONT = 'Inter, "Segoe UI", system-ui, -apple-system, "Helvetica Neue", "DejaVu Sans", sans-serif';
