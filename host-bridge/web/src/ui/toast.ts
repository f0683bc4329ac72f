import { h, icon } from "./dom";

let place: HTMLElement | undefined;

/** Says something in passing. Screen readers say it too. */
export function toast(text: string, kind: "info" | "error" = "info"): void {
  place ??= document.body.appendChild(h("div", { class: "toasts", role: "status", "aria-live": "polite" }));
  const close = (): void => item.remove();
  const item = h("div", { class: `toast ${kind}` }, h("span", {}, text), h("button", { type: "button", class: "toast-close", "aria-label": "Dismiss", onclick: close }, icon("close")));
  place.append(item);
  while (place.children.length > 4) place.firstElementChild?.remove();
  setTimeout(close, kind === "error" ? 9000 : 3500);
}
