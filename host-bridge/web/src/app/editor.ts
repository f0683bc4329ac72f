// The editor: its parts, and what one of them tells the others.

import { Client } from "../api/client";
import { Socket } from "../api/socket";
import { Board } from "../canvas/board";
import { InPlace } from "../canvas/inplace";
import type { Stage } from "../canvas/stage";
import { leave } from "../run/keepsake";
import type { Run } from "../run/run";
import { Runs } from "../run/runs";
import { h, pickFile } from "../ui/dom";
import { Finder } from "../ui/finder";
import { Library } from "../ui/library";
import { Sidebar } from "../ui/sidebar";
import { tips } from "../ui/tips";
import { toast } from "../ui/toast";
import { Topbar } from "../ui/topbar";
import { Viewer } from "../ui/viewer";
import { acceptDrops } from "../ui/drop";
import { showHelp } from "../ui/help";
import { bindKeys, drop, addAtCentre, hover, surfaceHost } from "./commands";
import { Documents } from "./documents";
import { Images } from "./images";
import { Journal } from "./journal";
import { Mistakes } from "./mistakes";
import { Runner } from "./runner";
import { Theme } from "./theme";
import { overall } from "./overall";

export class Editor {
  readonly client = new Client();
  readonly socket = new Socket(this.client);
  readonly runs = new Runs(this.client, this.socket);
  readonly mistakes = new Mistakes();
  readonly board: Board;
  readonly journal: Journal;
  readonly documents: Documents;
  readonly runner: Runner;
  readonly theme: Theme;
  private readonly topbar: Topbar;
  readonly library: Library;
  private readonly sidebar: Sidebar;
  readonly finder: Finder;
  readonly inPlace: InPlace;
  private readonly viewer: Viewer;
  private readonly images = new Images(() => this.redraw());
  private readonly offline = h("div", { class: "offline", role: "status", hidden: true }, "The server is away. Trying again…");
  private readonly zoom = h("button", { type: "button", title: "Show the whole workflow (.)", "aria-label": "Zoom: show the whole workflow", onclick: () => this.board.view.fit() });
  private masks = localStorage.getItem("isac.masks") !== "off";

  constructor(root: HTMLElement) {
    const canvas = h("canvas", { tabIndex: 0, "aria-label": "Workflow. The panel on the right lists the fields of the selected node." });
    const overlay = h("div", { class: "overlay" });
    const place = h("main", { class: "board" }, canvas, overlay, this.zoomControl(), this.offline);
    this.topbar = new Topbar({
      fileMenu: () => this.documents.menu(), rename: (name) => this.documents.rename(name), queue: (count) => void this.runner.queue(count),
      interrupt: () => this.interrupt(), undo: () => this.journal.undo(), redo: () => this.journal.redo(), fit: () => this.board.view.fit(),
      arrange: () => (this.board.arrange(), this.board.view.fit()), theme: () => this.theme.toggle(), help: showHelp,
      togglePanel: () => this.sidebar.element.toggleAttribute("hidden"), toggleLibrary: () => this.library.element.toggleAttribute("hidden"),
    });
    this.library = new Library({ drop: (t, x, y) => drop(this, t, x, y), hover: (t, at) => hover(this, t, at), choose: (t) => addAtCentre(this, t) });
    this.viewer = new Viewer(this.client, this.runs, { title: (p) => this.titleIn(this.runs.get(p.run), p.node), openWorkflow: (p) => this.openRun(p.run) });
    this.sidebar = new Sidebar({
      client: this.client, runs: this.runs, mistakes: this.mistakes, masks: () => this.masks, toggleMasks: () => this.toggleMasks(),
      title: (run, node) => this.titleIn(run, node), jump: (id) => this.board.jump(id), view: (p) => this.viewer.open(p), openRun: (id) => this.openRun(id),
      result: (run, sampler, image) => {
        const file = run.outputs.get(run.resultsOf(sampler) ?? "")?.images?.[image];
        return file && this.images.get(this.client.viewUrl(file));
      },
      fieldsChanged: () => this.redraw(), rename: (node, title) => ((node.title = title || node.info.display_name), this.redraw(), this.journal.touch()),
    });
    root.append(this.topbar.element, this.library.element, place, this.sidebar.element);
    this.board = new Board(canvas, this.stage(), surfaceHost(this));
    this.inPlace = new InPlace(this.board.surface, overlay);
    this.finder = new Finder(overlay, () => this.board.infos, (type, x, y, wish) => this.board.add(type, this.board.view.toGraph(x, y), wish));
    this.journal = new Journal({ saved: () => this.board.saved(), restore: (w) => (this.board.load({ kind: "editor", workflow: w }), this.board.selected.emit([])) });
    this.documents = new Documents(this.client, this.board, this.journal, () => this.runner.forget());
    this.runner = new Runner(this.client, this.board, this.runs, this.mistakes, this.journal, () => this.sidebar.open("run"));
    this.theme = new Theme((scheme) => {
      this.topbar.showTheme(scheme === "dark");
      this.board.dress();
      this.sidebar.paint();
    });
    this.connect(place);
  }

  /** Asks the server what it can do, and opens the last workflow, or the demo. */
  async start(): Promise<void> {
    document.body.classList.toggle("masks", this.masks);
    for (let wait = 500; ; wait = Math.min(4000, wait * 1.5)) {
      try {
        await this.loadNodes();
        break;
      } catch (error) {
        this.offline.textContent = (error as { status?: number }).status === 401 ? "The server wants its token: open this page with ?token=…" : "The server is away. Trying again…";
        this.offline.hidden = false;
        await new Promise((r) => setTimeout(r, wait));
      }
    }
    this.offline.hidden = true;
    const kept = this.journal.kept();
    const dirty = this.journal.keptDirty;
    if (kept) {
      this.board.load({ kind: "editor", workflow: kept });
      this.board.view.fit();
      this.journal.reset(!dirty);
    } else {
      this.documents.demo();
      this.journal.reset();
    }
    this.documents.renamed.emit();
    const once = this.runs.queue.on(() => (once(), this.runs.resume(this.board.api())));
    this.socket.open();
    this.board.canvas.focus();
  }

  private async loadNodes(): Promise<void> {
    this.board.define(await this.client.nodes());
    this.library.show(this.board.infos);
  }

  /** Everything that follows from something else. */
  private connect(place: HTMLElement): void {
    const { board, journal, runs, socket } = this;
    board.changed.on(() => journal.touch());
    board.selected.on((nodes) => this.sidebar.select(nodes));
    board.onFrame = () => {
      this.inPlace.follow();
      const zoom = `${Math.round(board.view.scale * 100)} %`;
      if (this.zoom.textContent !== zoom) this.zoom.textContent = zoom;
    };
    const name = (): void => this.topbar.showName(this.documents.name, journal.dirty);
    journal.changed.on(() => (name(), this.topbar.showHistory(journal.canUndo, journal.canRedo), this.sidebar.refreshNode()));
    this.documents.renamed.on(name);
    // The canvas library keeps some of these to itself.
    document.addEventListener("pointerdown", () => journal.hold(true), true);
    for (const type of ["pointerup", "pointercancel", "keyup"]) document.addEventListener(type, () => journal.hold(false), true);
    window.addEventListener("pagehide", () => {
      this.inPlace.close();
      journal.note();
      leave(runs.shown);
    });
    window.addEventListener("beforeunload", (e) => journal.atRisk && e.preventDefault());
    runs.changed.on(() => this.redraw());
    runs.queue.on(() => this.sidebar.paint());
    runs.remaining.on((n) => this.topbar.showRemaining(n));
    this.mistakes.changed.on(() => (this.redraw(), this.sidebar.refreshNode()));
    let lost = false;
    socket.state.on((connected) => {
      this.offline.hidden = connected;
      this.offline.textContent = "The server is away. Trying again…";
      // A restarted host may offer other nodes, or other files for them.
      if (connected && lost) void this.reload();
      if (connected) this.mistakes.online();
      lost = !connected;
    });
    acceptDrops(place, (file) => void this.documents.file(file));
    tips(board);
    bindKeys(this);
  }

  private async reload(): Promise<void> {
    await this.loadNodes();
    const saved = this.board.saved();
    this.board.load({ kind: "editor", workflow: saved });
    toast("The server is back.");
  }

  private redraw(): void {
    this.board.surface.setDirty(true, true);
    this.sidebar.paint();
    const { text, kind, progress } = overall(this.runs, (run, node) => this.titleIn(run, node), this.socket.connected, this.mistakes.list.length);
    this.topbar.showState(text, kind, progress);
  }

  private stage(): Stage {
    return {
      editText: (r) => this.inPlace.editText(r),
      choose: (r) => this.inPlace.choose(r),
      upload: () => this.upload(),
      fieldChanged: (node, field) => {
        this.mistakes.forget(String(node.id), field.name);
        this.board.surface.setDirty(true);
        this.journal.touch();
      },
      linked: (node, input) => {
        this.mistakes.forget(String(node.id), input);
        this.journal.touch();
      },
      changed: () => this.journal.touch(),
      redraw: () => this.board.surface.setDirty(true, true),
      shownRun: () => this.runs.shown,
      mistakes: (node) => this.mistakes.of(String(node.id)),
      masks: () => this.masks,
      image: (url) => this.images.get(url),
      urlOf: (file) => this.client.viewUrl(file),
      view: (run, node, index) => {
        const picture = this.runs.get(run)?.pictures.find((p) => p.node === node && p.index === index);
        if (picture) this.viewer.open(picture);
      },
    };
  }

  /** What a run calls a node: its title if it has one of its own, else what its files are called, else its class. */
  private titleIn(run: Run | undefined, node: string): string {
    const ran = run?.workflow[node];
    const here = run === undefined || run === this.runs.shown ? this.board.node(node) : undefined;
    const title = here?.title ?? ran?._meta?.title ?? `node ${node}`;
    const prefix = ran?.inputs["filename_prefix"];
    const plain = ran !== undefined && title === (this.board.infos[ran.class_type]?.display_name ?? ran.class_type);
    return plain && typeof prefix === "string" && prefix !== "" ? prefix : title;
  }

  interrupt(): void {
    this.client.interrupt(this.runs.running[0]?.[1]).catch((error: Error) => toast(error.message, "error"));
  }

  toggleMasks(): void {
    this.masks = !this.masks;
    localStorage.setItem("isac.masks", this.masks ? "on" : "off");
    document.body.classList.toggle("masks", this.masks);
    this.redraw();
  }

  /** Opens the workflow of a run, with what the run made. */
  openRun(id: string): void {
    const run = this.runs.get(id);
    if (!run) return;
    const saved = this.runs.savedOf(id);
    this.documents.show(saved ? { kind: "editor", workflow: saved } : { kind: "api", workflow: run.workflow }, this.documents.name);
    this.runs.shown = run;
    if (run.error) this.mistakes.failed(run.error);
    this.redraw();
  }

  private async upload(): Promise<string | undefined> {
    const file = await pickFile("image/*");
    if (!file) return undefined;
    try {
      return await this.client.upload(file);
    } catch (error) {
      toast((error as Error).message, "error");
      return undefined;
    }
  }

  private zoomControl(): HTMLElement {
    const by = (factor: number): void => this.board.view.zoom(factor);
    return h("div", { class: "zoom", role: "group", "aria-label": "Zoom" },
      h("button", { type: "button", "aria-label": "Zoom out", onclick: () => by(1 / 1.25) }, "−"), this.zoom,
      h("button", { type: "button", "aria-label": "Zoom in", onclick: () => by(1.25) }, "+"));
  }
}
