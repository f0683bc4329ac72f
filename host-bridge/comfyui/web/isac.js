// Options that few people need are folded away behind a button. Editors of ComfyUI know advanced widgets, but keep their room.
import { app } from "../../scripts/app.js";

app.registerExtension({
  name: "isac.options",
  nodeCreated(node) {
    if (node.comfyClass !== "ISACGuidance") return;
    const folded = (node.widgets ?? []).filter((widget) => widget.options?.advanced);
    const own = folded.map((widget) => widget.computeSize);
    let open = false;
    const button = node.addWidget("button", "", null, () => show(!open));
    button.serialize = false;
    const show = (wanted) => {
      open = wanted;
      button.label = button.name = open ? "fewer options" : `${folded.length} more options`;
      folded.forEach((widget, i) => {
        widget.hidden = !open;
        widget.computeSize = open ? own[i] : () => [0, -4];
      });
      node.setSize([Math.max(node.size[0], 300), node.computeSize()[1]]);
      app.graph?.setDirtyCanvas(true, true);
    };
    show(false);
  },
});
