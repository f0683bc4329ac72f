// Places for nodes that have none: columns from left to right along the links, ordered within so that few links cross.

export interface Box {
  id: string;
  width: number;
  height: number;
}

export interface Edge {
  from: string;
  to: string;
  /** Where it ends, from the top of the node: nodes are lined up with what they feed. */
  slot?: number;
}

export interface Spacing {
  x: number;
  y: number;
}

const DEFAULT: Spacing = { x: 52, y: 38 };

/** Gives each box its upper left corner; boxes never overlap. Cycles are cut where they are met. */
export function layout(boxes: Box[], edges: Edge[], spacing: Spacing = DEFAULT): Map<string, [number, number]> {
  const known = new Set(boxes.map((b) => b.id));
  const used = edges.filter((e) => known.has(e.from) && known.has(e.to) && e.from !== e.to);
  const depth = depths(boxes, used);
  const columns: Box[][] = [];
  for (const box of boxes) (columns[depth.get(box.id)!] ??= []).push(box);
  const filled = columns.filter((c) => c !== undefined);
  order(filled, used);
  return place(filled, used, spacing);
}

/** The column of each box: behind all that it needs, and as near as possible to what needs it. */
function depths(boxes: Box[], edges: Edge[]): Map<string, number> {
  const before = group(edges, "to");
  const after = group(edges, "from");
  const depth = new Map<string, number>();
  const visiting = new Set<string>();
  const visit = (id: string): number => {
    const known = depth.get(id);
    if (known !== undefined) return known;
    if (visiting.has(id)) return -1;
    visiting.add(id);
    const d = 1 + Math.max(-1, ...(before.get(id) ?? []).map((e) => visit(e.from)));
    visiting.delete(id);
    depth.set(id, d);
    return d;
  };
  for (const box of boxes) visit(box.id);
  // A box that nothing before it holds back moves right, next to what it feeds.
  const late = [...boxes].sort((a, b) => depth.get(b.id)! - depth.get(a.id)!);
  for (const { id } of late) {
    const next = (after.get(id) ?? []).map((e) => depth.get(e.to)!).filter((d) => d > depth.get(id)!);
    if (next.length > 0 && (before.get(id) ?? []).length === 0) depth.set(id, Math.min(...next) - 1);
  }
  return depth;
}

function group(edges: Edge[], end: "from" | "to"): Map<string, Edge[]> {
  const groups = new Map<string, Edge[]>();
  for (const e of edges) groups.set(e[end], [...(groups.get(e[end]) ?? []), e]);
  return groups;
}

/** Sweeps over the columns, to and fro: each box goes where the mean of its neighbours is. */
function order(columns: Box[][], edges: Edge[]): void {
  const rank = new Map<string, number>();
  const renumber = (column: Box[]): void => column.forEach((b, i) => rank.set(b.id, (i + 0.5) / column.length));
  columns.forEach(renumber);
  const before = group(edges, "to");
  const after = group(edges, "from");
  for (let sweep = 0; sweep < 8; sweep++) {
    const forward = sweep % 2 === 0;
    for (const column of forward ? columns : [...columns].reverse()) {
      const mean = new Map<string, number>();
      for (const box of column) {
        const neighbours = forward ? (before.get(box.id) ?? []).map((e) => rank.get(e.from)! + (e.slot ?? 0) * 1e-4) : (after.get(box.id) ?? []).map((e) => rank.get(e.to)! + (e.slot ?? 0) * 1e-4);
        mean.set(box.id, neighbours.length > 0 ? neighbours.reduce((a, b) => a + b) / neighbours.length : rank.get(box.id)!);
      }
      column.sort((a, b) => mean.get(a.id)! - mean.get(b.id)!);
      renumber(column);
    }
  }
}

/** Stacks the columns, then moves boxes towards their neighbours as far as the stack allows. */
function place(columns: Box[][], edges: Edge[], spacing: Spacing): Map<string, [number, number]> {
  const y = new Map<string, number>();
  const height = new Map<string, number>();
  for (const column of columns) {
    let at = 0;
    for (const box of column) {
      y.set(box.id, at);
      height.set(box.id, box.height);
      at += box.height + spacing.y;
    }
  }
  const neighbours = new Map<string, string[]>();
  for (const e of edges) {
    neighbours.set(e.from, [...(neighbours.get(e.from) ?? []), e.to]);
    neighbours.set(e.to, [...(neighbours.get(e.to) ?? []), e.from]);
  }
  const centre = (id: string): number => y.get(id)! + height.get(id)! / 2;
  for (let sweep = 0; sweep < 12; sweep++) {
    for (const column of sweep % 2 === 0 ? columns : [...columns].reverse()) {
      const wanted = column.map((b) => {
        const near = neighbours.get(b.id) ?? [];
        return near.length > 0 ? near.reduce((sum, n) => sum + centre(n), 0) / near.length - b.height / 2 : y.get(b.id)!;
      });
      settle(column, wanted, spacing.y).forEach((top, i) => y.set(column[i]!.id, top));
    }
  }
  const top = Math.min(...y.values());
  const places = new Map<string, [number, number]>();
  let x = 0;
  for (const column of columns) {
    for (const box of column) places.set(box.id, [Math.round(x), Math.round(y.get(box.id)! - top)]);
    x += Math.max(...column.map((b) => b.width)) + spacing.x;
  }
  return places;
}

/**
 * The places nearest to the wanted ones (least squares) that keep the order and the gaps: boxes that would overlap are joined
 * into blocks that sit at the mean of what their members want.
 */
function settle(column: Box[], wanted: number[], gap: number): number[] {
  const blocks: { members: number; offset: number; sum: number }[] = [];
  const offsets: number[] = [];
  let offset = 0;
  column.forEach((box, i) => {
    offsets.push(offset);
    blocks.push({ members: 1, offset, sum: wanted[i]! - offset });
    offset += box.height + gap;
    for (let last = blocks.at(-1)!, previous = blocks.at(-2); previous && previous.sum / previous.members > last.sum / last.members; last = blocks.at(-1)!, previous = blocks.at(-2)) {
      previous.members += last.members;
      previous.sum += last.sum;
      blocks.pop();
    }
  });
  return blocks.flatMap((b) => Array<number>(b.members).fill(b.sum / b.members)).map((base, i) => base + offsets[i]!);
}
