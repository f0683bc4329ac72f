// Package await is for tests that wait for something: they look until it is so, and do not guess how long it takes.
package await

import (
	"testing"
	"time"
)

// pause is the time between two looks.
const pause = 5 * time.Millisecond

// Within looks until something holds, for at most the given time, and says whether it does.
func Within(limit time.Duration, holds func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(pause) {
		if holds() {
			return true
		}
	}
	return holds()
}

// Until looks until something holds, and ends the test where it does not within the given time. what completes "it did not happen that".
func Until(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	if !Within(limit, holds) {
		t.Fatalf("it did not happen within %v that %s", limit, what)
	}
}
