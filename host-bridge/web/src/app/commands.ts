// What people do to nodes: menus, keys, and what is dragged in from the library.

import type { LGraphNode } from "@comfyorg/litegraph";
import { LiteGraph } from "@comfyorg/litegraph";
import type { GraphNode } from "../canvas/node";
import { linkAt, makeRoom, splice } from "../canvas/splice";
import type { MenuItem, SurfaceHost } from "../canvas/surface";
import { BYPASSED, MUTED } from "../model/workflow";
import { showHelp } from "../ui/help";
import type { Editor } from "./editor";
import { listen } from "./keys";

export function surfaceHost(editor: Editor): SurfaceHost {
  return {
    find: (e, wish) => editor.finder.open(e.clientX, e.clientY, wish),
    renameNode: (node) => rename(editor, node),
    renameGroup: (group) => editor.inPlace.editText({
      area: { x: group.pos[0] + 8, y: group.pos[1] + 3, width: group.size[0] - 16, height: group.titleHeight - 4 },
      value: group.title, label: "Title of the group", multiline: false, align: "left",
      done: (title) => {
        group.title = title;
        editor.board.surface.setDirty(true, true);
        editor.journal.touch();
      },
    }),
    nodeMenu: (node) => nodeMenu(editor, node),
    canvasMenu: (e) => [
      { label: "Add a node…", run: () => editor.finder.open(e.clientX, e.clientY) },
      { label: "Paste", run: () => editor.board.surface.pasteFromClipboard() },
      null,
      { label: "Arrange all nodes", run: () => (editor.board.arrange(), editor.board.view.fit()) },
      { label: "Show the whole workflow", run: () => editor.board.view.fit() },
    ],
  };
}

/** Lets the title be typed where it stands. */
function rename(editor: Editor, node: LGraphNode): void {
  const height = LiteGraph.NODE_TITLE_HEIGHT;
  editor.inPlace.editText({
    area: { x: node.pos[0] + 26, y: node.pos[1] - height + 4, width: node.size[0] - 34, height: height - 7 },
    value: node.title, label: "Title", multiline: false, align: "left",
    done: (title) => {
      node.title = title.trim() || (node.constructor as { title?: string }).title || node.type;
      editor.board.surface.setDirty(true);
      editor.journal.touch();
    },
  });
}

function nodeMenu(editor: Editor, node: GraphNode): MenuItem[] {
  const { board } = editor;
  const selection = board.selection();
  const nodes = selection.includes(node) ? selection : [node];
  const those = nodes.length > 1 ? ` ${nodes.length} nodes` : "";
  return [
    { label: "Rename", run: () => rename(editor, node) },
    { label: node.flags.collapsed ? "Unfold" : "Fold", run: () => nodes.forEach((n) => n.collapse()) },
    { label: "Reset its size", run: () => (nodes.forEach((n) => n.setSize(n.computeSize())), board.surface.setDirty(true, true)) },
    null,
    { label: `${node.mode === MUTED ? "Unmute" : "Mute"}${those}`, run: () => board.setMode(nodes, MUTED) },
    { label: `${node.mode === BYPASSED ? "Stop bypassing" : "Bypass"}${those}`, run: () => board.setMode(nodes, BYPASSED) },
    { label: "Group", run: () => (board.group("Group", nodes), editor.journal.touch()) },
    null,
    { label: "Copy", run: () => board.surface.copyToClipboard(nodes) },
    { label: `Remove${those}`, run: () => (board.surface.selectItems(nodes), board.surface.deleteSelected()) },
  ];
}

export function bindKeys(editor: Editor): void {
  const { board, journal, documents } = editor;
  const { surface } = board;
  listen({
    queue: (front) => {
      // What is being typed counts.
      editor.inPlace.close();
      void editor.runner.queue(1, front);
    },
    interrupt: () => editor.interrupt(),
    undo: () => journal.undo(),
    redo: () => journal.redo(),
    save: () => documents.guard(() => documents.save()),
    open: () => documents.guard(() => documents.openFile()),
    remove: () => surface.deleteSelected(),
    copy: () => surface.copyToClipboard(),
    cut: () => {
      surface.copyToClipboard();
      surface.deleteSelected();
    },
    paste: (connect) => surface.pasteFromClipboard({ connectInputs: connect }),
    selectAll: () => surface.selectItems(),
    fit: () => board.view.fit(),
    mute: () => board.setMode(board.selection(), MUTED),
    bypass: () => board.setMode(board.selection(), BYPASSED),
    find: () => {
      const [x, y] = board.view.toClient(surface.graph_mouse[0]!, surface.graph_mouse[1]!);
      editor.finder.open(x, y);
    },
    masks: () => editor.toggleMasks(),
    help: showHelp,
    escape: () => {
      editor.finder.close();
      editor.inPlace.close();
      LiteGraph.closeAllContextMenus();
    },
  });
}

/** A node of the library is over the window: a link below it that it fits into lights up. */
export function hover(editor: Editor, type: string, at: { x: number; y: number } | undefined): void {
  const { board } = editor;
  const over = at !== undefined && board.view.holds(at.x, at.y);
  const target = over ? linkAt(board.graph, board.surface.ctx, board.infos[type], ...board.view.toGraph(at.x, at.y)) : undefined;
  if (target === board.target) return;
  board.target = target;
  board.surface.setDirty(true, true);
}

/** A node of the library was let go. */
export function drop(editor: Editor, type: string, x: number, y: number): void {
  const { board } = editor;
  if (!board.view.holds(x, y)) return;
  const link = board.target;
  const [gx, gy] = board.view.toGraph(x, y);
  const node = board.add(type, [gx - 12, gy + 14]);
  if (node && link !== undefined) {
    node.pos = [gx - node.size[0] / 2, gy - 20];
    splice(board.graph, node, link);
    makeRoom(board.graph, node);
    board.surface.setDirty(true, true);
  }
  board.canvas.focus();
}

/** A node of the library was clicked: it comes to the middle of the view, or as near to it as there is room. */
export function addAtCentre(editor: Editor, type: string): void {
  const { board } = editor;
  const box = board.canvas.getBoundingClientRect();
  const node = board.add(type, board.view.toGraph(box.left + box.width / 2 - 110, box.top + box.height / 2 - 60));
  if (!node) return;
  makeRoom(board.graph, node);
  const [left, top] = board.view.toClient(node.pos[0], node.pos[1]);
  const [right, bottom] = board.view.toClient(node.pos[0] + node.size[0], node.pos[1] + node.size[1]);
  if (!board.view.holds(left, top) || !board.view.holds(right, bottom)) board.view.centre(node);
}
