package torch

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Level ranks a Finding.
type Level string

// The levels of a Finding.
const (
	LevelOK    Level = "ok"
	LevelWarn  Level = "warn"  // works, but badly
	LevelError Level = "error" // does not work
)

// Finding is one line of Diagnose: what was looked at, and what to do about it if it is not well.
type Finding struct {
	Level  Level
	Name   string // what was looked at, in a word: libtorch, binding, device, uses, threads, BLAS, waiting, memory
	What   string // what was found there
	Remedy string // empty at LevelOK
}

// slowGEMM is the speed in GFLOPS below which only a reference BLAS computes: about 5, against 50 to 200 of a real one.
const slowGEMM = 20

// Diagnose examines the binding, libtorch, the devices, the one of them that models shall run on ("" is the CPU), and the CPU's speed.
// It loads the library if need be, and never panics: what fails is a finding.
func Diagnose(wanted Device) []Finding {
	if err := Load(""); err != nil {
		return []Finding{{LevelError, "libtorch", "not loaded: " + err.Error(), "build the library with `make shim`, or set " + ShimEnv + " to a built one"}}
	}
	var found []Finding
	err := Try(func() error {
		info := GetInfo()
		found = append(found,
			Finding{LevelOK, "libtorch", info.Version + ", " + info.LibTorch, ""},
			Finding{LevelOK, "binding", info.Library + ", ABI " + info.ABI, ""})
		found = append(found, diagnoseDevices(info, nvidiaPresent())...)
		found = append(found,
			diagnoseUse(wanted, info.Devices, probe),
			diagnoseThreads(info.Threads, threads()),
			diagnoseGEMM(MeasureGEMM(), mappedBLAS()),
			diagnoseWaiting(os.Getenv(waitEnv), os.Getenv(spinEnv)),
			Finding{LevelOK, "memory", fmt.Sprintf("%d MiB resident with libtorch loaded", MemoryStats(CPU).Allocated>>20), ""})
		return nil
	})
	if err != nil {
		found = append(found, Finding{LevelError, "libtorch", err.Error(), "the library is loaded but does not work; run `make shim` against this machine's libtorch"})
	}
	return found
}

func diagnoseThreads(have, want int) Finding {
	what := fmt.Sprintf("%d threads for an operation on the CPU", have)
	if have < want {
		return Finding{LevelWarn, "threads", what + fmt.Sprintf(", of %d that it may use", want), "torch.SetThreads, or OMP_NUM_THREADS"}
	}
	return Finding{LevelOK, "threads", what, ""}
}

func diagnoseGEMM(gflops float64, blas string) Finding {
	what := fmt.Sprintf("matrix products at %.0f GFLOPS (512×512 float32, %s)", gflops, blas)
	if gflops < slowGEMM {
		return Finding{LevelWarn, "BLAS", what + ": this is the speed of a reference BLAS, ten to thirty times slower than it should be",
			"apt-get install libopenblas0-pthread (and `update-alternatives --config libblas.so.3-x86_64-linux-gnu`), or build the shim against a pip torch; on a busy machine, measure again"}
	}
	return Finding{LevelOK, "BLAS", what, ""}
}

// mappedBLAS names the BLAS libraries in this process. Which of several computes is not to be seen here, hence the measurement.
func mappedBLAS() string {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return "BLAS unknown"
	}
	defer f.Close()
	names := map[string]bool{}
	for scan := bufio.NewScanner(f); scan.Scan(); {
		fields := strings.Fields(scan.Text())
		base := filepath.Base(fields[len(fields)-1])
		for _, part := range []string{"blas", "mkl_", "libblis", "libnvpl"} {
			if strings.Contains(base, part) && !strings.Contains(base, "cublas") {
				names[base] = true
			}
		}
	}
	if len(names) == 0 {
		return "BLAS inside libtorch"
	}
	var list []string
	for n := range names {
		list = append(list, n)
	}
	sort.Strings(list)
	return strings.Join(list, ", ")
}
