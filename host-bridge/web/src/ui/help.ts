import { KEYS } from "../app/keys";
import { openDialog } from "./dialog";
import { h } from "./dom";

export function showHelp(): void {
  openDialog("Keys", "",
    h("dl", { class: "keys" }, KEYS.flatMap(([keys, what]) => [h("dt", {}, keys), h("dd", {}, what)])),
    h("p", { class: "about" }, "isac is free software (Apache-2.0). The canvas is ComfyUI's litegraph. ", h("a", { href: "notices.txt", target: "_blank", rel: "noopener" }, "Licences of others' code")));
}
