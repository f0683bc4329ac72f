package server

import (
	"os"
	"strconv"
	"strings"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"github.com/isac-guidance/isac/isac/torch"
)

// killFirst is the highest score that there is: where the machine's memory runs out all the same, the kernel ends this process, which a
// host starts again, and not the host or somebody else's work.
const killFirst = 1000

// slack is what the process may take beside models and runs where its data is bounded: libraries, stacks, what allocators keep.
const slack = 2 << 30

// protect keeps the machine from what this process may do to its memory, as far as a process can without harm and without rights:
//
//   - its score for the out-of-memory killer is the highest;
//   - where models run on the CPU and MaxMemory is given, its private data is bounded (RLIMIT_DATA) by that and some slack more, so that an
//     estimate that was wrong becomes a failed allocation, which is a node's error.
//
// Not bounded are the address space (RLIMIT_AS: CUDA and Go reserve more of it than any machine has), and nothing is bounded where
// MaxMemory is not given. No control group is made: that needs rights over the host's own. One that it is put into (a container,
// systemd-run -p MemoryMax=8G) is obeyed by the estimates.
func protect(options Options, log hclog.Logger) {
	if err := raiseScore("/proc/self/oom_score_adj"); err != nil {
		log.Debug("the score for the out-of-memory killer stays", "error", err)
	}
	if options.MaxMemory <= 0 || options.Device != "" && options.Device != torch.CPU {
		return
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_DATA, &limit); err != nil {
		log.Debug("the process's data is not bounded", "error", err)
		return
	}
	if most := uint64(options.MaxMemory) + slack; most < limit.Cur {
		limit.Cur = most
		if err := unix.Setrlimit(unix.RLIMIT_DATA, &limit); err != nil {
			log.Debug("the process's data is not bounded", "error", err)
		}
	}
}

// raiseScore writes the score, unless it is there already: it may be raised without rights, and not lowered.
func raiseScore(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if score, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && score >= killFirst {
		return nil
	}
	return os.WriteFile(path, []byte(strconv.Itoa(killFirst)), 0o644)
}
