package queue

import "context"

// LocalWorker is the id of the worker that lives in this process. As the data folder belongs to one process at a time, a prompt that
// runs under this id when a process begins is one that the process before it left.
func (s *Server) LocalWorker() string { return "local-" + s.files.home }

// recover makes the prompts pending again that the local worker of a killed process was running.
func (s *Server) recover(ctx context.Context) error {
	running, _ := s.replica.live()
	for _, r := range running {
		if r.Worker != s.LocalWorker() {
			continue
		}
		if err := s.conn.giveUp(ctx, r); err != nil {
			return err
		}
	}
	return nil
}
