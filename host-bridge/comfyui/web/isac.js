// Options that few people need are hidden until "Show Advanced" is chosen in the node's menu.
import { app } from "../../scripts/app.js";

app.registerExtension({
  name: "isac.advanced",
  nodeCreated(node) {
    if (node.comfyClass !== "ISACGuidance") return;
    for (const widget of node.widgets ?? []) widget.advanced ||= Boolean(widget.options?.advanced);
    node.setSize(node.computeSize());
  },
});
