// What a node shows of the last run: pictures, texts, guidance's masks and losses.

import type { LGraphNode } from "@comfyorg/litegraph";
import type { Report } from "../api/types";
import { type Run, upstream } from "../run/run";
import { fitText, font, grid } from "./draw";
import { Field } from "./field";
import { drawMasks, hasMasks } from "./masks";
import type { GraphNode } from "./node";
import { palette } from "./palette";
import { drawLosses } from "./plot";
import type { Area, Stage } from "./stage";

/** Why a node shows something: results it makes, work in progress, or what guidance does to a sampler behind it. */
export type Role = "result" | "sampler" | "guidance" | "text";

const PLOT = 104;
const CAPTION = 18;

interface Cell {
  picture: CanvasImageSource | undefined;
  aspect: number;
  report?: Report | undefined;
  open?: () => void;
}

export class PictureField extends Field {
  override serialize = false;

  constructor(private readonly role: Role, stage: Stage) {
    super("$picture", "", stage);
  }

  computeLayoutSize(node: LGraphNode): { minHeight: number; minWidth: number } {
    const picture = { result: 166, sampler: 108, guidance: 124 + PLOT, text: 0 }[this.role];
    return { minHeight: Math.max(picture + this.captions(node as GraphNode).length * CAPTION, 0) + 4, minWidth: 0 };
  }

  private captions(node: GraphNode): string[] {
    const run = this.stage.shownRun();
    return (run?.outputs.get(String(node.id))?.text ?? []).slice(0, 4).map(String);
  }

  protected override paint(ctx: CanvasRenderingContext2D, node: GraphNode, area: Area): void {
    const captions = this.captions(node);
    ctx.textAlign = "left";
    ctx.font = font(11);
    captions.forEach((text, i) => {
      ctx.fillStyle = palette.muted;
      ctx.fillText(fitText(ctx, text, area.width - 4), area.x + 2, area.y + 9 + i * CAPTION);
    });
    const y = area.y + captions.length * CAPTION;
    const plot = this.role === "guidance" ? PLOT : 0;
    const frame = { x: area.x, y, width: area.width, height: area.y + area.height - y - plot };
    if (this.role !== "text" && frame.height > 20) this.pictures(ctx, node, frame);
    if (plot > 0) this.losses(ctx, node, { ...frame, y: frame.y + frame.height + 4, height: plot - 4 });
  }

  private pictures(ctx: CanvasRenderingContext2D, node: GraphNode, frame: Area): void {
    const cells = this.cells(node);
    ctx.beginPath();
    ctx.roundRect(frame.x, frame.y, frame.width, frame.height, 6);
    ctx.fillStyle = palette.picture;
    ctx.fill();
    if (cells.length === 0) {
      ctx.strokeStyle = palette.fieldBorder;
      ctx.setLineDash([4, 4]);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.textAlign = "center";
      ctx.fillStyle = palette.faint;
      ctx.fillText(fitText(ctx, EMPTY[this.role], frame.width - 12), frame.x + frame.width / 2, frame.y + frame.height / 2);
      return;
    }
    ctx.save();
    ctx.clip();
    ctx.imageSmoothingQuality = "high";
    this.places(cells, frame).forEach((place, i) => {
      const { picture, report } = cells[i]!;
      // Small pictures are shown in crisp pixels rather than blurred.
      ctx.imageSmoothingEnabled = place.width < 3 * widthOf(picture) || this.role !== "result";
      if (picture) ctx.drawImage(picture, place.x, place.y, place.width, place.height);
      if (report) drawMasks(ctx, report, place.x, place.y, place.width, place.height, 0.45);
    });
    ctx.restore();
  }

  /** Where the pictures lie within a frame. */
  private places(cells: Cell[], frame: Area): Area[] {
    const { columns, cell } = grid(cells.length, frame.width, frame.height, cells[0]!.aspect);
    const rows = Math.ceil(cells.length / columns);
    const left = frame.x + (frame.width - columns * cell[0] - (columns - 1) * 4) / 2;
    const top = frame.y + (frame.height - rows * cell[1] - (rows - 1) * 4) / 2;
    return cells.map((_, i) => ({
      x: left + (i % columns) * (cell[0] + 4), y: top + Math.floor(i / columns) * (cell[1] + 4), width: cell[0], height: cell[1],
    }));
  }

  private cells(node: GraphNode): Cell[] {
    const run = this.stage.shownRun();
    if (!run) return [];
    const id = String(node.id);
    if (this.role === "guidance") {
      const sampler = guidedBy(run, id);
      return sampler === undefined ? [] : this.guided(run, sampler);
    }
    if (this.role === "sampler") return this.live(run, id, this.stage.masks());
    return this.results(run, id);
  }

  /** Final pictures of a node. */
  private results(run: Run, id: string): Cell[] {
    const cells: Cell[] = [];
    run.outputs.get(id)?.images?.forEach((file, index) => {
      const image = this.stage.image(this.stage.urlOf(file));
      if (image) cells.push({ picture: image, aspect: image.naturalWidth / image.naturalHeight, open: () => this.stage.view(run.id, id, index) });
    });
    return cells;
  }

  /** The latest unfinished picture of a sampler. */
  private live(run: Run, id: string, masks: boolean): Cell[] {
    const preview = run.previews.get(id)?.at(-1)?.bitmap;
    const report = masks ? run.guided(id, 0).findLast((r) => hasMasks(r)) : undefined;
    if (!preview && !report) return [];
    return [{ picture: preview, aspect: preview ? preview.width / preview.height : report!.width / report!.height, report }];
  }

  /** A sampler's results with the masks over them, or what it is at. */
  private guided(run: Run, sampler: string): Cell[] {
    const shown = run.resultsOf(sampler);
    if (shown === undefined) return this.live(run, sampler, true);
    return this.results(run, shown).map((cell, i) => ({ ...cell, report: run.guided(sampler, i).findLast((r) => hasMasks(r)) }));
  }

  private losses(ctx: CanvasRenderingContext2D, node: GraphNode, frame: Area): void {
    const run = this.stage.shownRun();
    const sampler = run && guidedBy(run, String(node.id));
    drawLosses(ctx, run && sampler !== undefined ? run.guided(sampler, 0) : [], frame);
  }

  override click(node: GraphNode, x: number, area: Area): void {
    const cells = this.cells(node);
    const e = node.graph?.primaryCanvas?.graph_mouse;
    if (cells.length === 0 || !e) return;
    const top = area.y + this.captions(node).length * CAPTION;
    const frame = { x: area.x, y: top, width: area.width, height: area.y + area.height - top - (this.role === "guidance" ? PLOT : 0) };
    const hit = this.places(cells, frame).findIndex((p) => area.x + x >= p.x && area.x + x <= p.x + p.width && e[1] >= p.y && e[1] <= p.y + p.height);
    if (hit >= 0) cells[hit]!.open?.();
  }
}

const EMPTY: Record<Role, string> = {
  result: "pictures appear here", sampler: "the picture forms here", guidance: "instances appear here", text: "",
};

function widthOf(picture: CanvasImageSource | undefined): number {
  return picture instanceof HTMLImageElement ? picture.naturalWidth : picture instanceof ImageBitmap ? picture.width : 1;
}

/** The sampler that a guidance node steers in a run. */
export function guidedBy(run: Run, guidance: string): string | undefined {
  return [...run.reports.keys()].find((sampler) => upstream(run.workflow, sampler, (id) => id === guidance) !== undefined);
}
