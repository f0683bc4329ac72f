// How far everything is, in a few words.

import type { Run } from "../run/run";
import type { Runs } from "../run/runs";

export interface Overall {
  text: string;
  kind: "" | "busy" | "bad" | "good";
  /** 0 to 1; undefined where nothing runs. */
  progress: number | undefined;
}

export function overall(runs: Runs, title: (run: Run, node: string) => string, connected: boolean, problems: number): Overall {
  if (!connected) return { text: "not connected", kind: "bad", progress: undefined };
  const run = runs.all.find((r) => r.phase === "running");
  if (run) {
    const node = run.current === undefined ? undefined : run.nodes.get(run.current);
    const steps = node && node.max > 1 ? ` ${node.value}/${node.max}` : "";
    // Of other pages' runs nothing is told but that they are there.
    const at = run.began === 0 ? "running" : "starting";
    return { text: run.current === undefined ? at : `${title(run, run.current)}${steps}`, kind: "busy", progress: run.progress };
  }
  if (runs.pending.length > 0) return { text: "waiting", kind: "busy", progress: 0 };
  if (problems > 0) return { text: problems === 1 ? "1 problem" : `${problems} problems`, kind: "bad", progress: undefined };
  const last = runs.shown;
  if (!last?.over || last.began === 0) return { text: "", kind: "", progress: undefined };
  const seconds = [...last.nodes.values()].reduce((sum, n) => sum + (n.seconds ?? 0), 0);
  switch (last.phase) {
    case "success":
      return { text: seconds < 0.05 ? "nothing had to be run again" : `done in ${seconds.toFixed(1)} s`, kind: "good", progress: undefined };
    case "error":
      return { text: "failed", kind: "bad", progress: undefined };
    default:
      return { text: "stopped", kind: "", progress: undefined };
  }
}
