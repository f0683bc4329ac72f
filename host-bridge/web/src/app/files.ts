// Workflows from and to files.

import { parseExact } from "../model/exact";
import { pngTexts } from "../model/png";
import { type Document, recognise } from "../model/workflow";

/** The workflow that a text holds; throws a sentence where it holds none. */
export function readText(text: string): Document {
  let value: unknown;
  try {
    value = parseExact(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${(error as Error).message}`);
  }
  return recognise(value);
}

/** The workflow of a file: JSON in either format, or a picture that carries it. */
export async function readFile(file: File): Promise<Document> {
  if (!/\.png$/i.test(file.name) && file.type !== "image/png") return readText(await file.text());
  const texts = pngTexts(new Uint8Array(await file.arrayBuffer()));
  // The editor's format has the places too; pictures made over the API alone have only the other one.
  for (const key of ["workflow", "prompt"]) {
    const text = texts.get(key);
    if (text !== undefined && text !== "null") {
      try {
        return readText(text);
      } catch {
        continue;
      }
    }
  }
  throw new Error(`${file.name} carries no workflow.`);
}

/** A file's name without folders and ending. */
export function baseName(path: string): string {
  return path.replace(/^.*[/\\]/, "").replace(/\.(json|png)$/i, "");
}
