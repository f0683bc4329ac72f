// The server's routes.

import { createUuidv4 } from "@comfyorg/litegraph";
import { parseExact, stringifyExact } from "../model/exact";
import type { NodeInfos } from "../model/nodeinfo";
import type { ApiWorkflow, Saved } from "../model/workflow";
import type { FileRef, History, PromptAnswer, Queue } from "./types";

/** The server answered, but not well. */
export class ServerError extends Error {
  constructor(readonly status: number, message: string, readonly body: unknown) {
    super(message);
  }
}

export class Client {
  /** Names this page to the server; a reload keeps it, and so the messages of a run that goes on. */
  readonly id = handedOver("isac.client", () => createUuidv4().replaceAll("-", ""));

  /** The address of a route with its query, for fetch. */
  private url(path: string, query: Record<string, string | undefined> = {}): string {
    const url = new URL(`api/${path}`, document.baseURI);
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value);
    return url.href;
  }

  viewUrl(file: FileRef): string {
    return this.url("view", { filename: file.filename, subfolder: file.subfolder, type: file.type });
  }

  socketUrl(): string {
    const url = new URL("ws", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("clientId", this.id);
    return url.href;
  }

  async fetch(path: string, init: RequestInit = {}, query?: Record<string, string | undefined>): Promise<Response> {
    // A server that wants a token gave a cookie for it when this page was opened with ?token=: nothing has to be sent along.
    const response = await fetch(this.url(path, query), { credentials: "same-origin", ...init });
    if (!response.ok) {
      const text = await response.text();
      let body: unknown = text;
      try {
        body = JSON.parse(text);
      } catch {
        // Many routes of this API answer mistakes with nothing or a plain text.
      }
      throw new ServerError(response.status, describe(path, response, body), body);
    }
    return response;
  }

  private async json<T>(path: string, query?: Record<string, string | undefined>): Promise<T> {
    return parseExact(await (await this.fetch(path, {}, query)).text()) as T;
  }

  private async post(path: string, body: unknown): Promise<Response> {
    return this.fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: stringifyExact(body) });
  }

  async nodes(): Promise<NodeInfos> {
    // Node definitions hold limits such as 2^64−1, which must stay exact.
    return this.json<NodeInfos>("object_info");
  }

  queue = (): Promise<Queue> => this.json<Queue>("queue");
  history = (most: number): Promise<History> => this.json<History>("history", { max_items: String(most) });

  /** Puts a workflow on the queue. A refusal that names nodes is an answer, not an exception. */
  async prompt(id: string, workflow: ApiWorkflow, saved: Saved, front = false): Promise<PromptAnswer> {
    const body = {
      prompt_id: id,
      prompt: workflow,
      client_id: this.id,
      ...(front ? { front } : {}),
      extra_data: { extra_pnginfo: { workflow: saved }, preview_method: "auto" },
    };
    try {
      return (await (await this.post("prompt", body)).json()) as PromptAnswer;
    } catch (error) {
      if (error instanceof ServerError && typeof error.body === "object" && error.body !== null && "error" in error.body) {
        return error.body as PromptAnswer;
      }
      throw error;
    }
  }

  interrupt = async (prompt?: string): Promise<void> => void (await this.post("interrupt", prompt ? { prompt_id: prompt } : {}));
  deletePending = async (ids: string[]): Promise<void> => void (await this.post("queue", { delete: ids }));
  clearPending = async (): Promise<void> => void (await this.post("queue", { clear: true }));
  deleteHistory = async (ids: string[]): Promise<void> => void (await this.post("history", { delete: ids }));
  clearHistory = async (): Promise<void> => void (await this.post("history", { clear: true }));

  /** Puts a picture into the server's input folder, and gives the name under which a node finds it. */
  async upload(file: File): Promise<string> {
    const form = new FormData();
    form.append("image", file);
    form.append("type", "input");
    const put = (await (await this.fetch("upload/image", { method: "POST", body: form })).json()) as { name: string; subfolder: string };
    return put.subfolder ? `${put.subfolder}/${put.name}` : put.name;
  }

  /** The workflows that are kept on the server; none where nothing was kept yet. */
  async savedWorkflows(): Promise<{ path: string; modified: number }[]> {
    try {
      const found = await this.json<{ path: string; modified?: number }[]>("userdata", { dir: "workflows", recurse: "true", split: "false", full_info: "true" });
      return found.filter((f) => f.path.endsWith(".json")).map((f) => ({ path: f.path, modified: f.modified ?? 0 })).sort((a, b) => b.modified - a.modified);
    } catch (error) {
      if (error instanceof ServerError && error.status === 404) return [];
      throw error;
    }
  }

  async loadWorkflow(path: string): Promise<string> {
    return (await this.fetch(`userdata/${encodeURIComponent(`workflows/${path}`)}`)).text();
  }

  /** Keeps a workflow on the server. Without overwrite a name that is taken is a ServerError of status 409. */
  async saveWorkflow(path: string, text: string, overwrite: boolean): Promise<void> {
    await this.fetch(`userdata/${encodeURIComponent(`workflows/${path}`)}`, { method: "POST", body: text }, { overwrite: String(overwrite) });
  }

  async deleteWorkflow(path: string): Promise<void> {
    await this.fetch(`userdata/${encodeURIComponent(`workflows/${path}`)}`, { method: "DELETE" });
  }
}

function describe(path: string, response: Response, body: unknown): string {
  const said = typeof body === "string" ? body.trim() : ((body as { error?: { message?: string } | string }).error ?? "");
  const text = typeof said === "string" ? said : (said.message ?? "");
  return text || `The server answered ${response.status} ${response.statusText} to ${path}.`.replace("  ", " ");
}

/** A value that a page leaves to the one that a reload makes; a copy of the tab finds nothing, and so makes its own. */
function handedOver(key: string, make: () => string): string {
  const value = sessionStorage.getItem(key) ?? make();
  sessionStorage.removeItem(key);
  window.addEventListener("pagehide", () => sessionStorage.setItem(key, value));
  // A page that comes back from the browser's cache goes on.
  window.addEventListener("pageshow", () => sessionStorage.removeItem(key));
  return value;
}
