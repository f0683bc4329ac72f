// HTML made in TypeScript.

type Child = Node | string | null | undefined | false;
type Props = Record<string, unknown>;

/** Makes an element. Properties that begin with "on" are listeners; "class" and those with a dash are attributes. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: (Child | Child[])[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value as EventListener);
    else if (key === "style" || key.includes("-") || key === "class" || key === "role" || key === "for" || key === "list") element.setAttribute(key, String(value));
    else (element as unknown as Props)[key] = value;
  }
  for (const child of children.flat()) if (child) element.append(child);
  return element;
}

const ICONS = {
  play: "M7 5.5v13l11-6.5z",
  stop: "M7 7h10v10H7z",
  undo: "M9 7 5 11l4 4M5 11h9a5 5 0 0 1 0 10h-2",
  redo: "m15 7 4 4-4 4m4-4h-9a5 5 0 0 0 0 10h2",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM20 20l-4.8-4.8",
  close: "M6 6l12 12M18 6 6 18",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  open: "M4 19V5h6l2 3h8v11z",
  download: "M12 4v11m-4-4 4 4 4-4M5 20h14",
  masks: "M12 5C6 5 2.5 12 2.5 12S6 19 12 19s9.5-7 9.5-7S18 5 12 5zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  down: "M5 9l7 7 7-7",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  help: "M9 9a3 3 0 1 1 4.2 2.8c-.8.4-1.2.9-1.2 1.7v.5M12 17.5v.01M12 2.5a9.5 9.5 0 1 0 0 19 9.5 9.5 0 0 0 0-19z",
  nodes: "M4 5h6v5H4zM14 14h6v5h-6zM10 7.5h3.5a2 2 0 0 1 2 2V14",
  panel: "M4 5h16v14H4zM15 5v14",
} as const;

export type Icon = keyof typeof ICONS;

export function icon(name: Icon): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows an icon alone; its label is what screen readers and the tooltip say. */
export function iconButton(name: Icon, label: string, onclick: (e: MouseEvent) => void, keys?: string): HTMLButtonElement {
  return h("button", { class: "icon-button", type: "button", title: keys ? `${label} (${keys})` : label, "aria-label": label, onclick }, icon(name));
}

/** Puts other children into an element. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...children.filter((c): c is Node | string => !!c));
}

/** Offers a text as a file. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** Lets a file be chosen; undefined where none was. */
export function pickFile(accept: string): Promise<File | undefined> {
  return new Promise((resolve) => {
    const input = h("input", { type: "file", accept, onchange: () => resolve(input.files?.[0]), oncancel: () => resolve(undefined) });
    input.click();
  });
}
