// Package methods is the one list of guidance methods, and how a prompt becomes what they aim at: what nodes, benchmarks and
// programs share. Adding a method is adding a value to the list.
package methods
