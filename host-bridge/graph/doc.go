// Package graph is what a host needs to run a workflow: it reads ComfyUI's API format, checks it against the nodes that
// a plugin offers, orders it and runs it node by node, and writes the files that nodes make.
//
// The way of a workflow:
//
//	json ─Parse→ Workflow ─Validate→ Report ─Plan→ Plan ─Run→ Outcome
//
// Names, error types, messages and conversions are ComfyUI's, so that a graph which is good there is good here, and a
// client that reads ComfyUI's errors reads these. Where this package differs it is stricter, or says more: every mistake
// of a workflow is reported at once, and every cycle is named.
package graph
