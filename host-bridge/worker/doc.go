// Package worker runs prompts: it takes them off the queue, runs their graphs with the nodes of its plugins, and publishes what happens.
// It keeps the plugins alive: one that dies is started again, and costs no more than the prompt that it was running.
//
//	queue ─Record→ Worker ─graph.Run→ pool ─→ member ─→ plugin process
//	      ←events──┘
package worker
