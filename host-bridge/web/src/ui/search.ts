// Finding node classes by what is typed.

import type { NodeInfo, NodeInfos } from "../model/nodeinfo";

/** The classes that fit all words, the best first: names that begin with the words before those that hold them. */
export function search(infos: NodeInfos, text: string, keep: (info: NodeInfo) => boolean = () => true): NodeInfo[] {
  const words = text.toLowerCase().split(/\s+/).filter((w) => w !== "");
  const scored = Object.values(infos).filter(keep).map((info) => ({ info, score: score(info, words) })).filter((s) => s.score > 0);
  return scored.sort((a, b) => b.score - a.score || a.info.display_name.localeCompare(b.info.display_name)).map((s) => s.info);
}

function score(info: NodeInfo, words: string[]): number {
  if (words.length === 0) return info.deprecated ? 0.5 : 1;
  const title = info.display_name.toLowerCase();
  const name = info.name.toLowerCase();
  const rest = [info.category, info.description, ...(info.search_aliases ?? [])].join(" ").toLowerCase();
  let total = 0;
  for (const word of words) {
    if (title.startsWith(word) || name.startsWith(word)) total += 8;
    else if (title.split(/[^a-z0-9]+/).some((part) => part.startsWith(word))) total += 6;
    else if (title.includes(word) || name.includes(word)) total += 4;
    else if (rest.includes(word)) total += 1;
    else return 0;
  }
  return info.deprecated ? total / 10 : total;
}
