import { h } from "./dom";

/** Takes files that are dropped onto an element. */
export function acceptDrops(place: HTMLElement, take: (file: File) => void): void {
  const sign = h("div", { class: "drop-here", hidden: true }, "Drop a workflow, or a picture that carries one");
  place.append(sign);
  const isFile = (e: DragEvent): boolean => [...(e.dataTransfer?.types ?? [])].includes("Files");
  place.addEventListener("dragover", (e) => {
    if (!isFile(e)) return;
    e.preventDefault();
    sign.hidden = false;
  });
  place.addEventListener("dragleave", (e) => {
    if (!place.contains(e.relatedTarget as Node | null)) sign.hidden = true;
  });
  place.addEventListener("drop", (e) => {
    sign.hidden = true;
    if (!isFile(e)) return;
    e.preventDefault();
    const file = e.dataTransfer?.files[0];
    if (file) take(file);
  });
}
