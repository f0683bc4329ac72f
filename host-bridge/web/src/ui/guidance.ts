// What guidance did in a run, large: the picture at a step with the instances over it, and the losses.

import type { Report } from "../api/types";
import { drawMasks, hasMasks, instances } from "../canvas/masks";
import { drawLosses, short } from "../canvas/plot";
import { instanceColour, lossColour, palette } from "../canvas/palette";
import type { Run } from "../run/run";
import { fill, h, iconButton } from "./dom";

/** Sizes a canvas for sharp lines, and gives its context in CSS pixels. */
export function sharp(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const ctx = canvas.getContext("2d")!;
  ctx.scale(ratio, ratio);
  return ctx;
}

export class GuidancePanel {
  readonly element: HTMLElement;
  private readonly picture = h("canvas", { class: "guidance-picture", role: "img" });
  private readonly plot = h("canvas", { class: "guidance-plot", role: "img" });
  private readonly slider = h("input", { type: "range", min: "0", step: "1", "aria-label": "Step", oninput: () => this.choose(Number(this.slider.value)) });
  private readonly stepText = h("output", { class: "guidance-step" });
  private readonly legend = h("div", { class: "guidance-legend" });
  private readonly batch = h("div", { class: "guidance-batch", role: "group", "aria-label": "Picture of the batch" });
  private readonly samplers = h("div", { class: "guidance-batch", role: "group", "aria-label": "Sampler" });
  private run: Run | undefined;
  private sampler = "";
  private image = 0;
  /** The step that somebody chose to look at; undefined follows the run. */
  private step: number | undefined;

  constructor(
    private readonly title: (node: string) => string, private readonly masks: () => boolean, toggleMasks: () => void,
    private readonly result: (run: Run, sampler: string, image: number) => HTMLImageElement | undefined,
  ) {
    this.plot.addEventListener("pointerdown", (e) => this.point(e));
    this.plot.addEventListener("pointermove", (e) => e.buttons === 1 && this.point(e));
    this.element = h("section", { class: "guidance", "aria-label": "Work in progress" },
      h("div", { class: "guidance-stage" }, this.picture, h("div", { class: "guidance-tools" }, iconButton("masks", "Masks on previews", toggleMasks, "M"))),
      this.samplers, this.batch, h("div", { class: "guidance-scrub" }, this.slider, this.stepText), this.plot, this.legend);
    new ResizeObserver(() => this.paint()).observe(this.element);
  }

  show(run: Run | undefined): void {
    if (run !== this.run) {
      this.step = undefined;
      this.image = 0;
      this.sampler = "";
    }
    this.run = run;
    this.paint();
  }

  private choose(step: number): void {
    this.step = step;
    this.paint();
  }

  private point(e: PointerEvent): void {
    const reports = this.reports();
    const count = reports[0]?.count ?? 0;
    if (count < 2) return;
    const x = (e.offsetX - 34) / (this.plot.clientWidth - 42);
    this.choose(Math.max(0, Math.min(count - 1, Math.round(x * (count - 1)))));
  }

  private reports(): Report[] {
    return this.run?.guided(this.sampler, this.image) ?? [];
  }

  /** Samplers that there is something to see of, in the order in which they ran. */
  private candidates(): string[] {
    const run = this.run;
    return run ? [...new Set([...run.previews.keys(), ...run.reports.keys()])] : [];
  }

  private paint(): void {
    const { run } = this;
    const candidates = this.candidates();
    this.element.hidden = candidates.length === 0;
    if (!run || candidates.length === 0) return;
    if (!candidates.includes(this.sampler) || (!run.over && this.step === undefined)) this.sampler = this.natural(run, candidates);
    const sampler = this.sampler;
    fill(this.samplers, ...(candidates.length > 1 ? candidates : []).map((id) => chip(this.title(id), id === sampler, () => this.select(id))));
    const images = new Set((run.reports.get(sampler) ?? []).map((r) => r.image)).size;
    fill(this.batch, ...(images > 1 ? [...Array(images).keys()] : []).map((i) => chip(String(i + 1), i === this.image, () => ((this.image = i), this.paint()), `Picture ${i + 1} of ${images}`)));
    const { value = 1, max = 1 } = run.nodes.get(sampler) ?? {};
    // What came out of the cache took no steps in this run.
    const count = run.reportsOf(sampler, 0)[0]?.count ?? Math.max(1, max);
    const at = Math.min(count - 1, this.step ?? (run.phase === "success" ? count : Math.max(1, value)) - 1);
    this.slider.max = String(count - 1);
    this.slider.value = String(at);
    this.stepText.value = `step ${at + 1} of ${count}`;
    const reports = this.reports();
    const report = reports.findLast((r) => r.index <= at && hasMasks(r));
    this.paintPicture(this.pictureAt(run, at, count), at, report);
    this.paintPlot(run.reportsOf(sampler, this.image), at);
    this.paintLegend(report, run.reportsOf(sampler, this.image).find((r) => r.index === at));
  }

  /** The sampler at work, else the first that was guided. */
  private natural(run: Run, candidates: string[]): string {
    if (run.current !== undefined && candidates.includes(run.current)) return run.current;
    return candidates.find((c) => run.reports.has(c)) ?? candidates.at(-1)!;
  }

  private select(sampler: string): void {
    this.sampler = sampler;
    this.image = 0;
    this.step ??= Number.MAX_SAFE_INTEGER;
    this.paint();
  }

  private paintPicture(picture: HTMLImageElement | ImageBitmap | undefined, at: number, report: Report | undefined): void {
    const width = this.element.clientWidth - 2;
    const aspect = picture ? picture.width / picture.height : report ? report.width / report.height : 1;
    const height = Math.min(300, width / aspect);
    const ctx = sharp(this.picture, height * aspect, height);
    this.picture.style.width = `${height * aspect}px`;
    this.picture.style.height = `${height}px`;
    ctx.fillStyle = palette.picture;
    ctx.fillRect(0, 0, height * aspect, height);
    if (picture) ctx.drawImage(picture, 0, 0, height * aspect, height);
    const masks = report && this.masks();
    if (masks) drawMasks(ctx, report, 0, 0, height * aspect, height, 0.45);
    this.picture.setAttribute("aria-label", `The picture after step ${at + 1}${masks ? `, with ${instances(report)} instances marked` : ""}`);
    this.picture.dataset["masks"] = String(masks ? instances(report) : 0);
  }

  /** The finished picture at the last step, else the preview; previews are of the first picture of a batch. */
  private pictureAt(run: Run, at: number, count: number): HTMLImageElement | ImageBitmap | undefined {
    const result = at >= count - 1 ? this.result(run, this.sampler, this.image) : undefined;
    return result ?? (this.image === 0 ? (run.previews.get(this.sampler) ?? []).findLast((p) => p.step <= at + 1)?.bitmap : undefined);
  }

  private paintPlot(reports: Report[], at: number): void {
    this.plot.hidden = reports.length === 0;
    if (reports.length === 0) return;
    const width = this.element.clientWidth - 2;
    this.plot.style.width = `${width}px`;
    this.plot.style.height = "130px";
    drawLosses(sharp(this.plot, width, 130), reports, { x: 0, y: 0, width, height: 130 }, at);
    const last = reports.findLast((r) => !r.skipped);
    this.plot.setAttribute("aria-label", last
      ? `Losses over the steps; at step ${last.index + 1}: ${(last.losses ?? []).map((l) => `${l.name} ${short(l.value)}`).join(", ")}`
      : `No step was guided: ${reports.at(-1)!.skipped}`);
  }

  private paintLegend(masks: Report | undefined, report: Report | undefined): void {
    const swatches = masks ? [...Array(instances(masks)).keys()].map((i) => h("span", { class: "swatch" }, h("i", { style: `background:${instanceColour(i)}` }), `instance ${i + 1}`)) : [];
    const why = report?.skipped && h("span", {}, `Not guided: ${report.skipped}.`);
    const terms = report && !why && report.losses && report.losses.length > 1 ? report.losses : [];
    const weights = terms.length > 0 && h("span", { class: "weights" }, "weights ",
      ...terms.flatMap((l, i) => [i > 0 ? " : " : "", h("b", { style: `color:${lossColour(i)}` }, short(l.weight))]));
    const wanted = (this.run?.reportsOf(this.sampler, this.image) ?? []).filter((r) => r.wanted);
    const missed = wanted.filter((r) => r.skipped);
    const shortfall = missed.length > 0 && h("span", { class: "shortfall" },
      `Guidance was left out at ${missed.length} of ${wanted.length} steps that it was asked for: ${missed[0]!.skipped}.`);
    fill(this.legend, ...swatches, weights, why, shortfall);
  }
}

function chip(text: string, active: boolean, onclick: () => void, title = text): HTMLButtonElement {
  return h("button", { type: "button", class: `chip${active ? " active" : ""}`, title, "aria-label": title, "aria-pressed": String(active), onclick }, text);
}
