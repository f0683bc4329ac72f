// The workflow as a document: its name, opening and saving it.

import { type Client, ServerError } from "../api/client";
import type { Board } from "../canvas/board";
import { stringifyExact } from "../model/exact";
import type { Document } from "../model/workflow";
import { Signal } from "../signal";
import { ask, confirmed, openDialog } from "../ui/dialog";
import { download, fill, h, iconButton, pickFile } from "../ui/dom";
import type { Command } from "../ui/menu";
import { toast } from "../ui/toast";
import { DEMO_NAME, loadDemo } from "./demo";
import { baseName, readFile, readText } from "./files";
import type { Journal } from "./journal";
import { tabStore } from "./store";

const NAME = "isac.name";
const UNNAMED = "untitled";

export class Documents {
  readonly renamed = new Signal<void>();
  name = tabStore.getItem(NAME) ?? UNNAMED;

  constructor(private readonly client: Client, private readonly board: Board, private readonly journal: Journal, private readonly opened: () => void) {}

  rename(name: string): void {
    this.name = name.trim().replaceAll(/[\\:*?"<>|]/g, "-") || UNNAMED;
    tabStore.setItem(NAME, this.name);
    this.renamed.emit();
  }

  /** Shows a document in place of what is there, which undo brings back. */
  show(document: Document, name: string): void {
    this.replace(() => this.board.load(document), name);
    const unknown = [...new Set(this.board.unknown().map((n) => n.type))];
    if (unknown.length > 0) toast(`The server has no ${unknown.join(", ")}. The nodes are kept, but cannot run.`, "error");
  }

  demo(): void {
    this.replace(() => loadDemo(this.board), DEMO_NAME);
  }

  private replace(load: () => void, name: string): void {
    this.journal.note();
    if (this.journal.dirty && !this.board.empty) toast(`Undo (Ctrl + Z) brings back what was changed in "${this.name}".`);
    load();
    this.opened();
    this.board.view.fit();
    this.journal.markClean();
    this.rename(name);
  }

  async file(file: File): Promise<void> {
    try {
      this.show(await readFile(file), baseName(file.name));
    } catch (error) {
      toast((error as Error).message, "error");
    }
  }

  async openFile(): Promise<void> {
    const file = await pickFile(".json,.png,application/json,image/png");
    if (file) await this.file(file);
  }

  clear(): void {
    this.replace(() => this.board.clear(), UNNAMED);
  }

  async save(): Promise<void> {
    if (this.name === UNNAMED) return this.saveAs();
    await this.put(this.name, true);
  }

  async saveAs(): Promise<void> {
    const name = await ask("Save on the server as", this.name === UNNAMED ? "my workflow" : this.name, "Save");
    if (name === undefined) return;
    try {
      await this.put(name, false);
    } catch (error) {
      if (!(error instanceof ServerError) || error.status !== 409) throw error;
      if (await confirmed(`There is a workflow "${name}". Replace it?`, "Replace")) await this.put(name, true);
    }
  }

  private async put(name: string, overwrite: boolean): Promise<void> {
    this.rename(name);
    await this.client.saveWorkflow(`${this.name}.json`, stringifyExact(this.board.saved(), 2), overwrite);
    this.journal.markClean();
    toast(`Saved "${this.name}".`);
  }

  private async openSaved(path: string): Promise<void> {
    this.show(readText(await this.client.loadWorkflow(path)), path.replace(/\.json$/, ""));
  }

  /** All workflows on the server, to open or to remove. */
  private async manage(): Promise<void> {
    const list = h("ol", { class: "saved-list" });
    const dialog = openDialog("Workflows on the server", "", list);
    const paint = async (): Promise<void> => {
      const saved = await this.client.savedWorkflows();
      fill(list, ...saved.map((s) => h("li", {},
        h("button", { type: "button", class: "link", onclick: () => (dialog.close(), this.guard(() => this.openSaved(s.path))) }, s.path.replace(/\.json$/, "")),
        h("small", {}, s.modified ? new Date(s.modified * (s.modified < 1e11 ? 1000 : 1)).toLocaleString() : ""),
        iconButton("trash", `Remove ${s.path}`, () => this.guard(async () => {
          await this.client.deleteWorkflow(s.path);
          await paint();
        })))), saved.length === 0 && h("p", { class: "empty" }, "Nothing was saved yet."));
    };
    await paint();
  }

  /** Runs what may fail, and says so if it does. */
  guard(run: () => Promise<void>): void {
    run().catch((error: unknown) => toast((error as Error).message, "error"));
  }

  async menu(): Promise<Command[]> {
    const saved = await this.client.savedWorkflows().catch(() => []);
    return [
      { label: "New", icon: "file", run: () => this.clear() },
      { label: "Open a file…", icon: "open", keys: "Ctrl + O", run: () => this.guard(() => this.openFile()) },
      { label: "Open the demo", icon: "masks", run: () => this.demo() },
      "line",
      { label: "Save", keys: "Ctrl + S", run: () => this.guard(() => this.save()) },
      { label: "Save as…", run: () => this.guard(() => this.saveAs()) },
      { label: "Download", icon: "download", run: () => download(`${this.name}.json`, stringifyExact(this.board.saved(), 2)) },
      { label: "Export for the API", icon: "download", run: () => download(`${this.name}_api.json`, stringifyExact(this.board.drawn(), 2)) },
      "line",
      { heading: "On the server" },
      ...saved.slice(0, 8).map((s): Command => ({ label: s.path.replace(/\.json$/, ""), run: () => this.guard(() => this.openSaved(s.path)) })),
      { label: saved.length > 8 ? `All ${saved.length} workflows…` : "Manage…", run: () => this.guard(() => this.manage()) },
    ];
  }
}
