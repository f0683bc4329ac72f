// One result, large, with the masks over it if guidance had a part in it.

import type { Client } from "../api/client";
import { drawMasks, hasMasks } from "../canvas/masks";
import type { Picture } from "../run/run";
import type { Runs } from "../run/runs";
import { fill, h, icon, iconButton } from "./dom";
import { sharp } from "./guidance";

export interface ViewerHost {
  title(picture: Picture): string;
  /** Opens the workflow that made the picture. */
  openWorkflow(picture: Picture): void;
}

export class Viewer {
  private dialog: HTMLDialogElement | undefined;
  private pictures: Picture[] = [];
  private at = 0;
  private masks = false;

  constructor(private readonly client: Client, private readonly runs: Runs, private readonly host: ViewerHost) {}

  open(picture: Picture): void {
    this.pictures = this.runs.pictures();
    this.at = this.pictures.findIndex((p) => p.run === picture.run && p.node === picture.node && p.index === picture.index);
    if (this.at < 0) return;
    this.dialog ??= this.build();
    this.paint();
    if (!this.dialog.open) this.dialog.showModal();
  }

  private build(): HTMLDialogElement {
    const dialog = h("dialog", { class: "viewer", "aria-label": "Picture" });
    dialog.addEventListener("click", (e) => (e.target as HTMLElement).matches("dialog, .viewer-stage") && dialog.close());
    dialog.addEventListener("keydown", (e) => {
      if (e.key === "ArrowLeft") this.step(-1);
      else if (e.key === "ArrowRight") this.step(1);
      else if (e.key.toLowerCase() === "m") this.toggle();
      else return;
      e.preventDefault();
    });
    window.addEventListener("resize", () => dialog.open && this.paint());
    document.body.append(dialog);
    return dialog;
  }

  private step(by: number): void {
    this.at = (this.at + by + this.pictures.length) % this.pictures.length;
    this.paint();
  }

  private toggle(): void {
    this.masks = !this.masks;
    this.paint();
  }

  private paint(): void {
    const picture = this.pictures[this.at];
    if (!picture || !this.dialog) return;
    const url = this.client.viewUrl(picture.file);
    const run = this.runs.get(picture.run);
    const sampler = run?.samplerBehind(picture.node);
    const report = run && sampler !== undefined ? run.guided(sampler, picture.index).findLast((r) => hasMasks(r)) : undefined;
    const image = h("img", { alt: this.host.title(picture), draggable: false });
    const overlay = h("canvas", { class: "viewer-masks" });
    image.onload = () => {
      // Small pictures are enlarged by whole numbers, in crisp pixels.
      const [w, h2] = [image.naturalWidth, image.naturalHeight];
      const room = Math.min((innerWidth - 140) / w, (innerHeight - 150) / h2);
      const scale = room >= 2 ? Math.floor(room) : Math.min(room, 1);
      image.style.width = overlay.style.width = `${w * scale}px`;
      image.style.height = overlay.style.height = `${h2 * scale}px`;
      image.classList.toggle("crisp", scale >= 2);
      const ctx = sharp(overlay, w * scale, h2 * scale);
      if (this.masks && report) drawMasks(ctx, report, 0, 0, w * scale, h2 * scale, 0.45);
    };
    image.src = url;
    fill(this.dialog,
      h("header", { class: "viewer-head" },
        h("div", {}, h("strong", {}, this.host.title(picture)), h("span", { class: "viewer-name" }, picture.file.filename)),
        h("div", { class: "viewer-tools" },
          report && h("button", { type: "button", class: `button${this.masks ? " active" : ""}`, "aria-pressed": String(this.masks), title: "M", onclick: () => this.toggle() }, icon("masks"), "Masks"),
          h("button", { type: "button", class: "button", onclick: () => (this.dialog?.close(), this.host.openWorkflow(picture)) }, icon("nodes"), "Open workflow"),
          h("a", { class: "button", href: url, download: picture.file.filename }, icon("download"), "Save"),
          iconButton("close", "Close", () => this.dialog?.close(), "Esc"))),
      h("div", { class: "viewer-stage" },
        this.pictures.length > 1 && h("button", { type: "button", class: "viewer-step", "aria-label": "Newer picture", onclick: () => this.step(-1) }, icon("left")),
        h("div", { class: "viewer-picture", "data-masks": String(!!report && this.masks) }, image, overlay),
        this.pictures.length > 1 && h("button", { type: "button", class: "viewer-step", "aria-label": "Older picture", onclick: () => this.step(1) }, icon("right"))),
      h("footer", { class: "viewer-foot" }, `${this.at + 1} of ${this.pictures.length}`));
  }
}
