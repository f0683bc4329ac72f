// A button that opens a list of commands.

import { h, icon, type Icon } from "./dom";

export type Command = { label: string; icon?: Icon; keys?: string; run(): void } | { heading: string } | "line";

/** Makes the button with its menu; commands are asked for each time it opens. */
export function menuButton(content: (Node | string)[], label: string, commands: () => Command[] | Promise<Command[]>, className = "button"): HTMLElement {
  const list = h("div", { class: "menu", role: "menu", hidden: true });
  const button = h("button", { type: "button", class: className, "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": label, onclick: () => void toggle() }, ...content);
  const root = h("div", { class: "menu-root" }, button, list);
  const close = (): void => {
    list.hidden = true;
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
  };
  const outside = (e: Event): void => {
    if (!root.contains(e.target as Node)) close();
  };
  const toggle = async (): Promise<void> => {
    if (!list.hidden) return close();
    list.replaceChildren(...(await commands()).map((c) => entry(c, close)));
    list.hidden = false;
    button.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", outside, true);
    list.querySelector<HTMLElement>("button")?.focus();
  };
  root.addEventListener("keydown", (e) => {
    if (list.hidden) return;
    const all = [...list.querySelectorAll<HTMLElement>("button")];
    const at = all.indexOf(document.activeElement as HTMLElement);
    if (e.key === "ArrowDown") all[(at + 1) % all.length]?.focus();
    else if (e.key === "ArrowUp") all[(at - 1 + all.length) % all.length]?.focus();
    else if (e.key === "Escape") (close(), button.focus());
    else return;
    e.preventDefault();
    e.stopPropagation();
  });
  return root;
}

function entry(command: Command, close: () => void): HTMLElement {
  if (command === "line") return h("hr");
  if ("heading" in command) return h("div", { class: "menu-heading" }, command.heading);
  return h("button", { type: "button", role: "menuitem", onclick: () => (close(), command.run()) },
    command.icon ? icon(command.icon) : h("span", { class: "icon" }), h("span", { class: "menu-label" }, command.label), command.keys && h("kbd", {}, command.keys));
}
