package torch

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// What libgomp reads when it is loaded: how its threads wait between two parallel loops.
const (
	waitEnv = "OMP_WAIT_POLICY"
	spinEnv = "GOMP_SPINCOUNT"
)

// spins is how often a waiting thread looks before it sleeps: some tens of microseconds, which is as long as most of what lies between two
// loops. Without looking at all a step of a small model is no faster on two cores than on one; with libgomp's own count, hundreds of times
// as many, it is ten times slower where another process wants the CPU too.
const spins = "3000"

// setWaiting sets how threads wait, unless the environment says so already. Those of a libtorch that has OpenMP with it, as pip's has, are the
// only ones in the process, and look for a while. Debian's has OpenBLAS' own threads beside them, with which looking may cost a step a second.
func setWaiting(shim string) {
	_, chosen := os.LookupEnv(spinEnv)
	if os.Getenv(waitEnv) != "" {
		return
	}
	os.Setenv(waitEnv, "passive")
	if !chosen && bringsOpenMP(shim) {
		os.Setenv(spinEnv, spins)
	}
}

// bringsOpenMP tells whether libgomp lies beside the libtorch that a shim was linked with.
func bringsOpenMP(shim string) bool {
	file, err := elf.Open(shim)
	if err != nil {
		return false // of another system
	}
	defer file.Close()
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		paths, err := file.DynString(tag)
		if err != nil {
			continue
		}
		for _, dir := range strings.Split(strings.Join(paths, ":"), ":") {
			dir = strings.ReplaceAll(dir, "$ORIGIN", filepath.Dir(shim))
			if found, err := filepath.Glob(filepath.Join(dir, "libgomp*.so*")); err == nil && len(found) > 0 {
				return true
			}
		}
	}
	return false
}

// diagnoseWaiting judges how threads wait.
func diagnoseWaiting(policy, count string) Finding {
	switch {
	case !strings.EqualFold(policy, "passive"):
		return Finding{LevelWarn, "waiting", fmt.Sprintf("%s=%s: waiting threads take the CPU from each other and from other programs", waitEnv, policy),
			fmt.Sprintf("unset %s, passive is the default here", waitEnv)}
	case count == "":
		return Finding{LevelOK, "waiting", waitEnv + "=passive", ""}
	}
	return Finding{LevelOK, "waiting", fmt.Sprintf("%s=passive, after %s=%s looks", waitEnv, spinEnv, count), ""}
}
