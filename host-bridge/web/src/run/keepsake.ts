// What a reload would lose of the run that is shown: the server tells of pictures and texts again, but not of steps.

import type { Report } from "../api/types";
import type { NodeRun, Run } from "./run";

const KEY = "isac.run";

interface Keepsake {
  id: string;
  nodes: [string, NodeRun][];
  reports: [string, Report[]][];
}

/** Leaves a run to the page that a reload makes. */
export function leave(run: Run | undefined): void {
  const kept: Keepsake | undefined = run && { id: run.id, nodes: [...run.nodes], reports: [...run.reports] };
  try {
    if (kept) sessionStorage.setItem(KEY, JSON.stringify(kept));
    else sessionStorage.removeItem(KEY);
  } catch {
    sessionStorage.removeItem(KEY); // too much for the store: the masks are gone then, the pictures are not
  }
}

/** The run that an earlier page left, with what it knew of it. */
export function found(get: (id: string) => Run | undefined): Run | undefined {
  const text = sessionStorage.getItem(KEY);
  if (text === null) return undefined;
  const kept = JSON.parse(text) as Keepsake;
  const run = get(kept.id);
  if (!run) return undefined;
  for (const [id, node] of kept.nodes) {
    if (run.nodes.has(id)) continue;
    // It ended while no page was there.
    if (run.over && node.state === "running") Object.assign(node, { state: "finished", value: node.max });
    run.nodes.set(id, node);
  }
  // What came since then is newer.
  for (const [id, reports] of kept.reports) run.reports.set(id, [...reports, ...(run.reports.get(id) ?? [])]);
  return run;
}
