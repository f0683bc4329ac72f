package server_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/plugin"
)

// TestKilledFirst: the process offers itself to the out-of-memory killer, and bounds its data where it is told how much it may take.
func TestKilledFirst(t *testing.T) {
	for _, limited := range []bool{false, true} {
		c := start(t, func(c *plugin.Config) {
			if limited {
				c.Env = append(c.Env, plugin.EnvMaxMemory+"=3GiB")
			}
		})
		score, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", c.PID()))
		if err != nil || strings.TrimSpace(string(score)) != "1000" {
			t.Errorf("score %q, %v", score, err)
		}
		limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", c.PID()))
		if err != nil {
			t.Fatal(err)
		}
		if bounded := strings.Contains(string(limits), fmt.Sprintf("Max data size             %d ", int64(5)<<30)); bounded != limited {
			t.Errorf("told %v: %s", limited, limits)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
