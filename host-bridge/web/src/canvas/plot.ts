// A small plot of a method's losses over the steps of a run.

import type { Report } from "../api/types";
import { fitText } from "./draw";
import { FONT, lossColour, palette } from "./palette";

export interface Frame {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** How a loss is written: three digits that matter. */
export function short(value: number): string {
  if (value === 0) return "0";
  return Math.abs(value) >= 0.001 && Math.abs(value) < 1000 ? String(Number(value.toPrecision(3))) : value.toExponential(1);
}

/** The names of all losses that were measured, in the method's order. */
export function lossNames(reports: Report[]): string[] {
  return [...new Set(reports.flatMap((r) => (r.losses ?? []).map((l) => l.name)))];
}

/** The value of a loss at a step, undefined where it was not measured. */
export function lossOf(report: Report | undefined, name: string): number | undefined {
  return report?.losses?.find((l) => l.name === name)?.value;
}

/** A round number at or above a value, for the top of an axis. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((m) => m * power >= value * 0.999)! * power;
}

/** Steps in a row that were not guided: [first, last]. */
export function idleSpans(reports: Report[]): [number, number][] {
  const spans: [number, number][] = [];
  for (const { index, skipped } of reports) {
    const last = spans.at(-1);
    if (!skipped) continue;
    if (last && last[1] === index - 1) last[1] = index;
    else spans.push([index, index]);
  }
  return spans;
}

/**
 * Draws every loss with their last values as the legend. Reports are those of one image in order, steps that were not guided
 * among them; mark is a step to point at.
 */
export function drawLosses(ctx: CanvasRenderingContext2D, all: Report[], frame: Frame, mark?: number): void {
  const { x, y, width, height } = frame;
  const reports = all.filter((r) => !r.skipped);
  const count = Math.max(2, all[0]?.count ?? 20);
  const inner = { x: x + 34, y: y + 20, width: width - 42, height: height - 36 };
  const names = lossNames(reports);
  const top = roundUp(Math.max(0, ...reports.flatMap((r) => (r.losses ?? []).map((l) => l.value))));
  const px = (index: number): number => inner.x + (index / (count - 1)) * inner.width;
  const py = (loss: number): number => inner.y + inner.height * (1 - loss / top);
  ctx.save();
  ctx.font = `10px ${FONT}`;
  ctx.lineWidth = 1;
  ctx.textBaseline = "middle";
  ctx.textAlign = "center";
  for (const [first, last] of idleSpans(all)) {
    const from = px(Math.max(0, first - 0.5));
    const to = px(Math.min(count - 1, last + 0.5));
    ctx.fillStyle = palette.group;
    ctx.fillRect(from, inner.y, to - from, inner.height);
    ctx.fillStyle = palette.faint;
    ctx.fillText(fitText(ctx, "not guided", to - from - 4), (from + to) / 2, inner.y + inner.height / 4);
  }
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  for (const fraction of [0, 0.5, 1]) {
    const at = Math.round(py(top * fraction)) + 0.5;
    ctx.strokeStyle = palette.fieldBorder;
    ctx.beginPath();
    ctx.moveTo(inner.x, at);
    ctx.lineTo(inner.x + inner.width, at);
    ctx.stroke();
    ctx.fillStyle = palette.faint;
    if (reports.length > 0) ctx.fillText(short(top * fraction), inner.x - 5, at);
  }
  ctx.textBaseline = "alphabetic";
  ctx.fillStyle = palette.faint;
  ctx.textAlign = "left";
  ctx.fillText("step 1", inner.x, y + height - 4);
  ctx.textAlign = "right";
  ctx.fillText(String(count), inner.x + inner.width, y + height - 4);
  const shown = reports.find((r) => r.index === mark) ?? reports.at(-1);
  if (mark !== undefined && shown) {
    ctx.strokeStyle = palette.muted;
    ctx.beginPath();
    ctx.moveTo(px(shown.index), inner.y - 3);
    ctx.lineTo(px(shown.index), inner.y + inner.height);
    ctx.stroke();
  }
  for (const [i, name] of [...names.entries()].reverse()) line(ctx, reports, (r) => lossOf(r, name) ?? 0, lossColour(i), px, py);
  legend(ctx, x + 4, y + 9, names.map((name, i) => [name, lossColour(i), lossOf(shown, name)]));
  ctx.restore();
}

function line(ctx: CanvasRenderingContext2D, reports: Report[], value: (r: Report) => number, colour: string, px: (i: number) => number, py: (v: number) => number): void {
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.lineWidth = 1.75;
  ctx.lineJoin = "round";
  ctx.beginPath();
  reports.forEach((r, i) => (i === 0 ? ctx.moveTo(px(r.index), py(value(r))) : ctx.lineTo(px(r.index), py(value(r)))));
  ctx.stroke();
  const last = reports.at(-1);
  if (!last) return;
  ctx.beginPath();
  ctx.arc(px(last.index), py(value(last)), 2.5, 0, Math.PI * 2);
  ctx.fill();
}

function legend(ctx: CanvasRenderingContext2D, x: number, y: number, entries: [string, string, number | undefined][]): void {
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const [name, colour, value] of entries) {
    ctx.fillStyle = colour;
    ctx.fillRect(x, y - 1, 9, 2.5);
    ctx.fillStyle = palette.muted;
    const text = value === undefined ? name : `${name} ${short(value)}`;
    ctx.fillText(text, x + 13, y + 0.5);
    x += 13 + ctx.measureText(text).width + 12;
  }
}
