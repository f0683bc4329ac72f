// Instance masks over a picture.

import type { Report } from "../api/types";
import { instanceColour } from "./palette";

const cache = new WeakMap<Report, HTMLCanvasElement>();

/** A small picture of a report's instances, one pixel a cell of the attention grid. */
function cells(report: Report): HTMLCanvasElement {
  const known = cache.get(report);
  if (known) return known;
  const canvas = document.createElement("canvas");
  canvas.width = report.width;
  canvas.height = report.height;
  const ctx = canvas.getContext("2d")!;
  report.labels?.forEach((label, i) => {
    if (label < 0) return;
    ctx.fillStyle = instanceColour(label);
    ctx.fillRect(i % report.width, Math.floor(i / report.width), 1, 1);
  });
  cache.set(report, canvas);
  return canvas;
}

export function hasMasks(report: Report | undefined): report is Report {
  return !!report?.labels && report.width > 0;
}

/** Paints the instances over a picture that lies at a place: a veil in each one's colour, and its outline. */
export function drawMasks(ctx: CanvasRenderingContext2D, report: Report, x: number, y: number, width: number, height: number, strength = 0.5): void {
  if (!hasMasks(report)) return;
  ctx.save();
  ctx.imageSmoothingEnabled = false;
  ctx.globalAlpha = strength;
  ctx.drawImage(cells(report), x, y, width, height);
  ctx.globalAlpha = Math.min(1, strength * 1.9);
  outline(ctx, report, x, y, width / report.width, height / report.height);
  ctx.restore();
}

function outline(ctx: CanvasRenderingContext2D, report: Report, x: number, y: number, dx: number, dy: number): void {
  const at = (i: number, j: number): number => (i < 0 || j < 0 || i >= report.width || j >= report.height ? -1 : report.labels![j * report.width + i]!);
  const paths = new Map<number, Path2D>();
  for (let j = 0; j < report.height; j++) {
    for (let i = 0; i < report.width; i++) {
      const label = at(i, j);
      if (label < 0) continue;
      const path = paths.get(label) ?? new Path2D();
      paths.set(label, path);
      const edge = (x1: number, y1: number, x2: number, y2: number): void => {
        path.moveTo(x + x1 * dx, y + y1 * dy);
        path.lineTo(x + x2 * dx, y + y2 * dy);
      };
      if (at(i, j - 1) !== label) edge(i, j, i + 1, j);
      if (at(i, j + 1) !== label) edge(i, j + 1, i + 1, j + 1);
      if (at(i - 1, j) !== label) edge(i, j, i, j + 1);
      if (at(i + 1, j) !== label) edge(i + 1, j, i + 1, j + 1);
    }
  }
  ctx.lineCap = "square";
  ctx.lineWidth = Math.max(1, Math.min(dx, dy) * 0.12);
  for (const [label, path] of paths) {
    ctx.strokeStyle = instanceColour(label);
    ctx.stroke(path);
  }
}

/** How many instances a report has. */
export function instances(report: Report): number {
  return 1 + Math.max(-1, ...(report.labels ?? []));
}
