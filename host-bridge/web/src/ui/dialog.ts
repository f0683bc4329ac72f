import { h, iconButton } from "./dom";

/** Opens a dialog; closing it removes it. */
export function openDialog(title: string, className: string, ...content: (Node | string)[]): HTMLDialogElement {
  const dialog = h("dialog", { class: `dialog ${className}`, "aria-label": title });
  dialog.append(h("header", { class: "dialog-head" }, h("h2", {}, title), iconButton("close", "Close", () => dialog.close())), ...content);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (e) => e.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks for a line of text; undefined where none was given. */
export function ask(title: string, value: string, button: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const input = h("input", { type: "text", value, "aria-label": title, autocomplete: "off" });
    const form = h("form", { class: "ask", onsubmit: (e: Event) => (e.preventDefault(), finish(input.value.trim() || undefined)) }, input, h("button", { class: "button primary", type: "submit" }, button));
    let answer: string | undefined;
    const dialog = openDialog(title, "narrow", form);
    const finish = (given: string | undefined): void => {
      answer = given;
      dialog.close();
    };
    dialog.addEventListener("close", () => resolve(answer));
    input.select();
  });
}

/** Asks yes or no. */
export function confirmed(question: string, button: string): Promise<boolean> {
  return new Promise((resolve) => {
    let yes = false;
    const dialog = openDialog(question, "narrow", h("div", { class: "dialog-buttons" },
      h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"),
      h("button", { class: "button primary", type: "button", autofocus: true, onclick: () => ((yes = true), dialog.close()) }, button)));
    dialog.addEventListener("close", () => resolve(yes));
  });
}
