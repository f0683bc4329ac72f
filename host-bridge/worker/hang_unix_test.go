//go:build unix

package worker

import (
	"syscall"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/queue"
)

// TestHang interrupts what does not look whether it is interrupted: a node that never ends, and a process that does not even answer. The
// prompt ends as interrupted, and the next one runs, in a new process.
func TestHang(t *testing.T) {
	for name, freeze := range map[string]bool{"a node": false, "the process": true} {
		t.Run(name, func(t *testing.T) {
			w := work(t, self(t))
			old := w.process()
			id := w.put(`{"1":{"class_type":"Number","inputs":{"value":3}},"2":{"class_type":"Hang","inputs":{"a":["1",0]}},
				"3":{"class_type":"Show","inputs":{"value":["2",0]}}}`, "3")
			eventually(t, "it hangs", func() bool {
				s, err := old.Stats(t.Context())
				return err == nil && len(s.Running) > 0 && s.Running[0].Class == "Hang"
			})
			if freeze {
				if err := syscall.Kill(old.PID(), syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Interrupt(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if r := w.await(id); r.State != queue.Interrupted {
				t.Errorf("it ended as %s", r.State)
			}
			if r := w.run(sum, "4"); r.State != queue.Success {
				t.Errorf("the next one ended as %s", r.State)
			}
			select {
			case <-old.Exited():
			default:
				t.Error("the process that hangs is still there")
			}
			if restarts, _ := w.worker.pool.members[0].state(); restarts != 1 {
				t.Errorf("%d restarts", restarts)
			}
		})
	}
}
