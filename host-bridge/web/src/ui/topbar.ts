// The bar at the top: what the workflow is called, what can be done with it, and how far the run is.

import { h, icon, iconButton } from "./dom";
import { type Command, menuButton } from "./menu";

export interface TopbarHost {
  fileMenu(): Command[] | Promise<Command[]>;
  rename(name: string): void;
  queue(count: number): void;
  interrupt(): void;
  undo(): void;
  redo(): void;
  fit(): void;
  arrange(): void;
  theme(): void;
  help(): void;
  togglePanel(): void;
  toggleLibrary(): void;
}

export class Topbar {
  readonly element: HTMLElement;
  private readonly name: HTMLInputElement;
  private readonly dirty = h("span", { class: "dirty", title: "Changed since it was saved", hidden: true });
  private readonly undo: HTMLButtonElement;
  private readonly redo: HTMLButtonElement;
  private readonly theme: HTMLButtonElement;
  private readonly stop: HTMLButtonElement;
  private readonly state = h("span", { class: "status", role: "status" });
  private readonly bar = h("div", { class: "overall", role: "progressbar", "aria-label": "Progress of the run", "aria-valuemin": "0", "aria-valuemax": "100" }, h("i"));
  private readonly remaining = h("span", { class: "remaining", hidden: true });
  private readonly count: HTMLInputElement;

  constructor(host: TopbarHost) {
    this.name = h("input", { class: "workflow-name", "aria-label": "Name of the workflow", spellcheck: false, autocomplete: "off", onchange: () => host.rename(this.name.value) });
    this.name.addEventListener("keydown", (e) => e.key === "Enter" && this.name.blur());
    this.undo = iconButton("undo", "Undo", host.undo, "Ctrl + Z");
    this.redo = iconButton("redo", "Redo", host.redo, "Ctrl + Y");
    this.theme = iconButton("sun", "Light or dark", host.theme);
    this.count = h("input", { class: "run-count", type: "number", min: "1", max: "99", value: "1", title: "How many times to queue it", "aria-label": "How many times to queue it" });
    const run = h("button", { type: "button", class: "run-button", title: "Run (Ctrl + Enter)", onclick: () => host.queue(this.times) }, icon("play"), "Run", this.remaining);
    this.stop = h("button", { type: "button", class: "button stop", title: "Stop what is running (Ctrl + Alt + Enter)", "aria-label": "Stop", disabled: true, onclick: host.interrupt }, icon("stop"));
    this.element = h("header", { class: "topbar" },
      h("div", { class: "topbar-left" },
        h("button", { type: "button", class: "brand", title: "Node library", "aria-label": "isac: show or hide the node library", onclick: host.toggleLibrary }, logo(), "isac"),
        menuButton(["File", icon("down")], "File", host.fileMenu, "button plain"), this.name, this.dirty),
      h("div", { class: "topbar-tools" }, this.undo, this.redo, iconButton("fit", "Show the whole workflow", host.fit, "."), iconButton("nodes", "Arrange the nodes", host.arrange)),
      h("div", { class: "topbar-right" }, this.state, h("div", { class: "run-group" }, run, this.count), this.stop,
        this.theme, iconButton("help", "Keys and notices", host.help, "?"), iconButton("panel", "Show or hide the panel", host.togglePanel)),
      this.bar);
  }

  get times(): number {
    return Math.max(1, Math.min(99, Math.trunc(Number(this.count.value)) || 1));
  }

  showName(name: string, dirty: boolean): void {
    if (document.activeElement !== this.name) this.name.value = name;
    this.name.style.width = `${Math.max(8, Math.min(32, name.length + 1))}ch`;
    this.dirty.hidden = !dirty;
    document.title = `${dirty ? "• " : ""}${name} – isac`;
  }

  showHistory(canUndo: boolean, canRedo: boolean): void {
    this.undo.disabled = !canUndo;
    this.redo.disabled = !canRedo;
  }

  showTheme(dark: boolean): void {
    this.theme.replaceChildren(icon(dark ? "sun" : "moon"));
  }

  showState(text: string, kind: "" | "busy" | "bad" | "good", progress: number | undefined): void {
    this.state.textContent = text;
    this.state.className = `status ${kind}`;
    this.stop.disabled = kind !== "busy";
    this.bar.classList.toggle("active", progress !== undefined);
    (this.bar.firstElementChild as HTMLElement).style.width = `${(progress ?? 0) * 100}%`;
    this.bar.setAttribute("aria-valuenow", String(Math.round((progress ?? 0) * 100)));
  }

  showRemaining(count: number): void {
    this.remaining.hidden = count < 2;
    this.remaining.textContent = String(count);
    this.remaining.title = `${count} in the queue`;
  }
}

/** Three instances, apart. */
function logo(): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "logo");
  svg.setAttribute("aria-hidden", "true");
  for (const [x, y, r, colour] of [[8, 8, 5, "#E69F00"], [17, 11, 4.2, "#56B4E9"], [9.5, 18, 3.8, "#009E73"]] as const) {
    const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    for (const [k, v] of Object.entries({ cx: x, cy: y, r, fill: colour })) circle.setAttribute(k, String(v));
    svg.append(circle);
  }
  return svg;
}
