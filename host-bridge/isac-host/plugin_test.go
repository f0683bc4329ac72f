package main

import (
	"os"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/internal/arithmetic/served"
)

// TestMain makes the test's own executable a plugin when a host starts it as one.
func TestMain(m *testing.M) {
	served.Main()
	os.Exit(m.Run())
}
