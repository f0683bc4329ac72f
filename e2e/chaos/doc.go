//go:build linux

// Command chaos drives serve, workers and plugins of isac-host with random work while it kills, stops and starves them, and holds what
// is there afterwards against what was answered:
//
//   - a prompt that was accepted is waiting, running, or ended, and ends once;
//   - what was deleted or refused is gone, and never comes back;
//   - files, user data and settings are whole, and are what was last written.
//
// It goes by episodes, each on an empty data folder. All of an episode's steps follow from its seed; when what happens depends on the
// moment, as with every kill, the same seed need not find the same again. An episode that found something is repeated with parts of its
// steps left out, and the shortest list that still finds something is printed.
//
//	go run ./e2e/chaos --minutes 60        (make chaos MINUTES=60)
package main
