// What a node shows of the last run: pictures, texts, guidance's masks and losses.

import type { LGraphNode } from "@comfyorg/litegraph";
import type { Report } from "../api/types";
import type { Run } from "../run/run";
import { fitText, font, grid, wrapText } from "./draw";
import { Field } from "./field";
import { drawMasks, hasMasks } from "./masks";
import type { GraphNode } from "./node";
import { palette } from "./palette";
import { drawLosses } from "./plot";
import type { Area, Stage } from "./stage";

/** Why a node shows something: results it makes, work in progress, or what guidance does to a sampler behind it. */
export type Role = "result" | "sampler" | "guidance" | "text";

const PLOT = 104;
const LINE = 16;
/** The room for pictures, or for texts where there are none. It does not depend on what a run made: a run leaves sizes alone. */
const ROOM: Record<Role, number> = { result: 166, sampler: 124, guidance: 124, text: 5 * LINE };

interface Cell {
  picture: CanvasImageSource | undefined;
  aspect: number;
  report?: Report | undefined;
  open?: () => void;
}

export class PictureField extends Field {
  override serialize = false;
  protected override readonly seenFromAfar = true;

  constructor(private readonly role: Role, stage: Stage) {
    super("$picture", "", stage);
  }

  private get plot(): number {
    return this.role === "guidance" ? PLOT : 0;
  }

  computeLayoutSize(_node: LGraphNode): { minHeight: number; minWidth: number } {
    return { minHeight: ROOM[this.role] + this.plot + 4, minWidth: 0 };
  }

  /** What the node said in the run that is shown; a guidance node says nothing itself, its sampler tells what came of it. */
  private texts(node: GraphNode): string[] {
    const run = this.stage.shownRun();
    const speaker = run && this.role === "guidance" ? run.steered(String(node.id)) : String(node.id);
    return (run?.outputs.get(speaker ?? "")?.text ?? []).map(String);
  }

  /** The part of the field that pictures lie in. */
  private frame(area: Area): Area {
    return { ...area, height: area.height - this.plot };
  }

  protected override paint(ctx: CanvasRenderingContext2D, node: GraphNode, area: Area): void {
    const frame = this.frame(area);
    if (frame.height > 20) this.pictures(ctx, node, frame);
    if (this.plot > 0) this.losses(ctx, node, { ...frame, y: frame.y + frame.height + 4, height: this.plot - 4 });
  }

  private pictures(ctx: CanvasRenderingContext2D, node: GraphNode, frame: Area): void {
    const cells = this.cells(node);
    const texts = this.texts(node);
    ctx.beginPath();
    ctx.roundRect(frame.x, frame.y, frame.width, frame.height, 6);
    ctx.fillStyle = palette.picture;
    ctx.fill();
    if (cells.length === 0) {
      ctx.strokeStyle = palette.fieldBorder;
      ctx.setLineDash([4, 4]);
      ctx.stroke();
      ctx.setLineDash([]);
      return this.words(ctx, texts, frame);
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
    if (this.role === "sampler" && texts[0]) this.caption(ctx, texts[0], frame);
    ctx.restore();
  }

  /** Texts in place of pictures, or what will come. */
  private words(ctx: CanvasRenderingContext2D, texts: string[], frame: Area): void {
    ctx.fillStyle = texts.length > 0 ? palette.text : palette.faint;
    ctx.textAlign = "center";
    const most = Math.max(1, Math.floor((frame.height - 8) / LINE));
    const lines = (texts.length > 0 ? texts : [EMPTY[this.role]]).flatMap((t) => wrapText(ctx, t, frame.width - 16)).slice(0, most);
    const top = frame.y + frame.height / 2 - ((lines.length - 1) * LINE) / 2;
    lines.forEach((line, i) => ctx.fillText(line, frame.x + frame.width / 2, top + i * LINE));
  }

  /** One line over the lower edge of the pictures. */
  private caption(ctx: CanvasRenderingContext2D, text: string, { x, y, width, height }: Area): void {
    ctx.globalAlpha = 0.82;
    ctx.fillStyle = palette.node;
    ctx.fillRect(x, y + height - LINE - 2, width, LINE + 2);
    ctx.globalAlpha = 1;
    ctx.font = font(11);
    ctx.textAlign = "center";
    ctx.fillStyle = palette.text;
    ctx.fillText(fitText(ctx, text, width - 12), x + width / 2, y + height - LINE / 2 - 0.5);
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
      const sampler = run.steered(id);
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
    if (!preview) {
      // After a reload there are no previews: what came of the sampler stands for them.
      const shown = run.resultsOf(id);
      if (shown !== undefined) return this.finished(run, id, shown, masks);
    }
    if (!preview && !report) return [];
    return [{ picture: preview, aspect: preview ? preview.width / preview.height : report!.width / report!.height, report }];
  }

  /** A sampler's results with the masks over them, or what it is at. */
  private guided(run: Run, sampler: string): Cell[] {
    const shown = run.resultsOf(sampler);
    return shown === undefined ? this.live(run, sampler, true) : this.finished(run, sampler, shown, true);
  }

  private finished(run: Run, sampler: string, shown: string, masks: boolean): Cell[] {
    return this.results(run, shown).map((cell, i) => ({ ...cell, report: masks ? run.guided(sampler, i).findLast((r) => hasMasks(r)) : undefined }));
  }

  private losses(ctx: CanvasRenderingContext2D, node: GraphNode, frame: Area): void {
    const run = this.stage.shownRun();
    const sampler = run?.steered(String(node.id));
    drawLosses(ctx, run && sampler !== undefined ? run.reportsOf(sampler, 0) : [], frame);
  }

  override click(node: GraphNode, x: number, area: Area): void {
    const cells = this.cells(node);
    const e = node.graph?.primaryCanvas?.graph_mouse;
    if (cells.length === 0 || !e) return;
    const hit = this.places(cells, this.frame(area)).findIndex((p) => area.x + x >= p.x && area.x + x <= p.x + p.width && e[1] >= p.y && e[1] <= p.y + p.height);
    if (hit >= 0) cells[hit]!.open?.();
  }
}

const EMPTY: Record<Role, string> = {
  result: "pictures appear here", sampler: "the picture forms here", guidance: "instances appear here", text: "texts appear here",
};

function widthOf(picture: CanvasImageSource | undefined): number {
  return picture instanceof HTMLImageElement ? picture.naturalWidth : picture instanceof ImageBitmap ? picture.width : 1;
}
