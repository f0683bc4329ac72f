// Package comfyapi is ComfyUI's HTTP and WebSocket API over a queue of prompts: clients that were written for ComfyUI work with it
// as they are, and so does its editor.
//
//	client ─HTTP→ Server ─Put→ queue ─→ workers
//	client ←─/ws─ hub ←─notices─ queue
//
// Every route exists bare and under /api. Bodies are read as JSON whatever their content type, and every error has a JSON body,
// because there are clients that need the one and the other.
//
// The server is safe to start: it listens on the loopback interface, where it answers only to the names of the loopback interface
// (so that no web page can reach it by a name of its own), and on any other address it wants a token. Everything that a client sends
// has a limit. A socket that does not read is dropped and holds nothing up.
package comfyapi
