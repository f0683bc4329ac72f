// Package guidance is the Guidance service: it guides the sampling of hosts that have samplers of their own. It opens sessions of
// package isac/guidance on models that nodes may have loaded as well, and speaks for them on a stream.
package guidance
