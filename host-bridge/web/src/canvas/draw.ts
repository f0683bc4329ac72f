// Small things that are drawn everywhere.

import { FONT } from "./palette";

/** A text cut to a width, with an ellipsis. */
export function fitText(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  if (width <= 0) return "";
  if (ctx.measureText(text).width <= width) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ctx.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return low > 0 ? `${text.slice(0, low)}…` : "";
}

/** Breaks a text into lines of a width, at spaces where it can. */
export function wrapText(ctx: CanvasRenderingContext2D, text: string, width: number, most = 200): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(/(?<=\s)/)) {
      if (line !== "" && ctx.measureText((line + word).trimEnd()).width > width) {
        lines.push(line.trimEnd());
        line = "";
      }
      line += word;
      // A word that is too long by itself is cut.
      while (ctx.measureText(line.trimEnd()).width > width && line.length > 1) {
        let cut = line.length - 1;
        while (cut > 1 && ctx.measureText(line.slice(0, cut)).width > width) cut--;
        lines.push(line.slice(0, cut));
        line = line.slice(cut);
      }
      if (lines.length > most) return lines;
    }
    lines.push(line.trimEnd());
  }
  return lines;
}

export function font(size: number, weight = 400): string {
  return `${weight} ${size}px ${FONT}`;
}

/** Where things of one shape go in a grid that shows them as large as can be. */
export function grid(count: number, width: number, height: number, aspect: number, gap = 4): { columns: number; cell: [number, number] } {
  let best = { columns: 1, cell: [0, 0] as [number, number] };
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(count / columns);
    const w = Math.min((width - gap * (columns - 1)) / columns, ((height - gap * (rows - 1)) / rows) * aspect);
    if (w > best.cell[0]) best = { columns, cell: [w, w / aspect] };
  }
  return best;
}

export function chevron(ctx: CanvasRenderingContext2D, x: number, y: number, direction: "left" | "right" | "down" | "up", size = 3.5): void {
  const [dx, dy] = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] }[direction] as [number, number];
  ctx.beginPath();
  ctx.moveTo(x - dx * size * 0.5 - dy * size, y - dy * size * 0.5 - dx * size);
  ctx.lineTo(x + dx * size * 0.5, y + dy * size * 0.5);
  ctx.lineTo(x - dx * size * 0.5 + dy * size, y - dy * size * 0.5 + dx * size);
  ctx.stroke();
}
