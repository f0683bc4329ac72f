package server

import (
	"slices"
	"time"

	"github.com/isac-guidance/isac/plugin/isacpb"
)

func (s *Server) enter(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[r] = struct{}{}
}

func (s *Server) begin(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.busy = true
}

func (s *Server) leave(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, r)
}

// runs lists the calls that have not ended, the oldest first.
func (s *Server) runs() []*isacpb.Running {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*isacpb.Running
	for r := range s.running {
		list = append(list, &isacpb.Running{
			PromptId: r.request.PromptId, NodeId: r.request.NodeId, ClassType: r.request.ClassType,
			Waiting: !r.busy, Seconds: time.Since(r.started).Seconds(),
		})
	}
	slices.SortFunc(list, func(a, b *isacpb.Running) int {
		if a.Seconds > b.Seconds {
			return -1
		}
		return 1
	})
	return list
}
