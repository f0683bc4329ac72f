import { LGraphCanvas, LGraphGroup } from "@comfyorg/litegraph";
import { fitText, font } from "./draw";
import { palette } from "./palette";

/** A frame with a title round nodes; it moves what is in it. */
export class Frame extends LGraphGroup {
  override draw(_canvas: LGraphCanvas, ctx: CanvasRenderingContext2D): void {
    const [x, y] = [this.pos[0], this.pos[1]];
    const [width, height] = [this.size[0], this.size[1]];
    // The library draws groups half transparent, their titles too.
    ctx.globalAlpha = 1;
    ctx.beginPath();
    ctx.roundRect(x, y, width, height, 12);
    ctx.fillStyle = palette.group;
    ctx.fill();
    ctx.lineWidth = this.selected ? 2 : 1;
    ctx.strokeStyle = this.selected ? palette.accent : palette.border;
    ctx.stroke();
    ctx.font = font(15, 600);
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.fillStyle = palette.groupTitle;
    ctx.fillText(fitText(ctx, this.title, width - 28), x + 16, y + 19);
    ctx.textBaseline = "alphabetic";
  }
}
