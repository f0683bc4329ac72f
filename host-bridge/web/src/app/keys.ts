// The keyboard.

export interface Actions {
  queue(front: boolean): void;
  interrupt(): void;
  undo(): void;
  redo(): void;
  save(): void;
  open(): void;
  remove(): void;
  copy(): void;
  cut(): void;
  paste(connect: boolean): void;
  selectAll(): void;
  fit(): void;
  mute(): void;
  bypass(): void;
  find(): void;
  masks(): void;
  help(): void;
  escape(): void;
}

/** What a key does; the help shows it. */
export const KEYS: [keys: string, what: string][] = [
  ["Ctrl + Enter", "Run the workflow (with Shift: before all that waits)"],
  ["Ctrl + Alt + Enter", "Stop what is running"],
  ["Double click, Tab", "Find a node to add"],
  ["Delete", "Remove what is selected"],
  ["Ctrl + Z, Ctrl + Y", "Undo, redo"],
  ["Ctrl + S, Ctrl + O", "Save on the server, open a file"],
  ["Ctrl + C, X, V", "Copy, cut, paste (Ctrl + Shift + V keeps links to the rest)"],
  ["Ctrl + A", "Select everything"],
  ["Ctrl + M, Ctrl + B", "Mute, bypass what is selected"],
  [".", "Show the whole workflow"],
  ["M", "Masks on previews on or off"],
  ["Space + drag", "Move the view"],
  ["Ctrl + drag", "Select with a frame"],
  ["Alt + drag", "Drag out a copy of a node"],
];

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.matches("input:not([type=checkbox], [type=range]), textarea, select") || target.isContentEditable);
}

export function listen(actions: Actions): void {
  document.addEventListener("keydown", (e) => {
    const command = e.ctrlKey || e.metaKey;
    const act = (run: () => void): void => {
      e.preventDefault();
      run();
    };
    if (command && e.key === "Enter") return act(() => (e.altKey ? actions.interrupt() : actions.queue(e.shiftKey)));
    if (command && e.key.toLowerCase() === "s") return act(actions.save);
    if (command && e.key.toLowerCase() === "o") return act(actions.open);
    if (e.key === "Escape") return actions.escape();
    if (typing(e.target) || document.querySelector("dialog[open]")) return;
    if (command) {
      switch (e.key.toLowerCase()) {
        case "z": return act(e.shiftKey ? actions.redo : actions.undo);
        case "y": return act(actions.redo);
        case "a": return act(actions.selectAll);
        case "m": return act(actions.mute);
        case "b": return act(actions.bypass);
        case "v": return act(() => actions.paste(e.shiftKey));
        case "c": case "x":
          // A text that was selected on the page is what is meant.
          if (getSelection()?.toString()) return;
          return act(e.key.toLowerCase() === "c" ? actions.copy : actions.cut);
      }
      return;
    }
    if (e.altKey) return;
    switch (e.key) {
      case "Delete": case "Backspace": return act(actions.remove);
      case ".": return act(actions.fit);
      case "m": case "M": return act(actions.masks);
      case "?": return act(actions.help);
      case "Tab":
        if (e.target instanceof HTMLCanvasElement || e.target === document.body) act(actions.find);
    }
  });
}
