// Editing in place: a text or a list that lies over the field that it belongs to, and goes with it when the view moves.

import { h } from "../ui/dom";
import type { Surface } from "./surface";
import type { Area, ChoiceRequest, TextRequest } from "./stage";

export class InPlace {
  private open: { element: HTMLElement; area: Area; below: boolean; close(): void } | undefined;

  constructor(private readonly surface: Surface, private readonly layer: HTMLElement) {}

  /** Puts what is open where its field is now; called with every frame. */
  follow(): void {
    if (!this.open) return;
    const { element, area, below } = this.open;
    const { scale, offset } = this.surface.ds;
    const left = (area.x + offset[0]) * scale;
    const top = (area.y + offset[1]) * scale;
    element.style.transformOrigin = "0 0";
    if (below) {
      const zoom = Math.max(0.85, Math.min(1.25, scale));
      const height = element.offsetHeight * zoom;
      const under = top + area.height * scale + 3;
      const room = this.layer.clientHeight;
      const y = under + height > room && top - height - 3 > 0 ? top - height - 3 : Math.max(4, Math.min(under, room - height - 4));
      const width = Math.max(160, (area.width * scale) / zoom);
      const x = Math.min(left, this.layer.clientWidth - width * zoom - 4);
      element.style.width = `${width}px`;
      element.style.transform = `translate(${x}px, ${y}px) scale(${zoom})`;
    } else {
      element.style.width = `${area.width}px`;
      element.style.height = `${area.height}px`;
      element.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
    }
  }

  close(): void {
    this.open?.close();
  }

  private show(element: HTMLElement, area: Area, below: boolean, done: () => void): () => void {
    this.close();
    const close = (): void => {
      if (this.open?.element !== element) return;
      this.open = undefined;
      document.removeEventListener("pointerdown", outside, true);
      done();
      element.remove();
      this.surface.canvas.focus({ preventScroll: true });
    };
    const outside = (e: Event): void => {
      if (!element.contains(e.target as Node)) close();
    };
    document.addEventListener("pointerdown", outside, true);
    this.open = { element, area, below, close };
    this.layer.append(element);
    this.follow();
    return close;
  }

  editText(request: TextRequest): void {
    const { multiline, value, label } = request;
    const field = h(multiline ? "textarea" : "input", {
      class: `in-place ${request.align}`, value, "aria-label": label, spellcheck: false, placeholder: request.placeholder ?? "", autocomplete: "off",
    }) as HTMLInputElement | HTMLTextAreaElement;
    let cancelled = false;
    const close = this.show(field, request.area, false, () => {
      if (!cancelled && field.value !== value) request.done(field.value);
    });
    field.addEventListener("keydown", (event) => {
      const e = event as KeyboardEvent;
      if (e.key === "Escape") cancelled = true;
      if (e.key === "Escape" || e.key === "Tab" || (e.key === "Enter" && !multiline) || (e.key === "Enter" && (e.ctrlKey || e.metaKey))) {
        // Ctrl+Enter goes on to the page, which queues what was just typed.
        if (!(e.ctrlKey || e.metaKey)) e.stopPropagation();
        e.preventDefault();
        close();
      }
    });
    // The click that opened it is not over yet, and would take the focus away again.
    requestAnimationFrame(() => {
      field.focus();
      if (!multiline) field.select();
    });
  }

  choose(request: ChoiceRequest): void {
    const list = h("div", { class: "choices", role: "listbox", "aria-label": request.label, tabIndex: -1 });
    const filter = request.choices.length > 9 ? h("input", { class: "choices-filter", type: "search", placeholder: "Filter", "aria-label": `Filter ${request.label}` }) : undefined;
    const box = h("div", { class: "choices-box" }, filter, list);
    let active = Math.max(0, request.choices.indexOf(request.value));
    let shown = request.choices;
    const close = this.show(box, request.area, true, () => {});
    const take = (choice: string | undefined): void => {
      close();
      if (choice !== undefined) request.done(choice);
    };
    const paint = (): void => {
      list.replaceChildren(...shown.map((choice, i) => h("div", {
        class: `choice${i === active ? " active" : ""}`, role: "option", "aria-selected": String(choice === request.value), onclick: () => take(choice),
        onpointermove: () => i !== active && ((active = i), paint()),
      }, choice)));
      if (shown.length === 0) list.append(h("div", { class: "choices-none" }, request.choices.length > 0 ? "nothing fits" : "there is nothing to choose from"));
      list.children[active]?.scrollIntoView({ block: "nearest" });
    };
    filter?.addEventListener("input", () => {
      const words = filter.value.toLowerCase().split(/\s+/);
      shown = request.choices.filter((c) => words.every((w) => c.toLowerCase().includes(w)));
      active = 0;
      paint();
    });
    box.addEventListener("keydown", (e) => {
      if (e.key === "ArrowDown" || e.key === "ArrowUp") {
        active = (active + (e.key === "ArrowDown" ? 1 : -1) + shown.length) % Math.max(1, shown.length);
        paint();
      } else if (e.key === "Enter") {
        take(shown[active]);
      } else if (e.key === "Escape") {
        close();
      } else {
        return;
      }
      e.preventDefault();
      e.stopPropagation();
    });
    paint();
    this.follow();
    requestAnimationFrame(() => (filter ?? list).focus());
  }
}
