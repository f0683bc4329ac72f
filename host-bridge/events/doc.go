// Package events carries what happens in a run from its worker to the API server: one ordered stream a prompt, over NATS.
//
// A worker publishes messages and previews as they come, which may be lost where NATS goes away, and the end last, which is asked for an
// answer until there is one. All of it travels on one subject over one connection, so that it arrives in its order: whoever has the end
// has all that came before it, and waits for nothing. The message with the outcome (execution_success and the like) travels in the end
// alone, so that a client is told of it exactly once and never before the history has it.
package events
