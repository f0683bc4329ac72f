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
	What   string
	Remedy string // empty at LevelOK
}

// slowGEMM is the speed in GFLOPS below which only a reference BLAS computes: about 5, against 50 to 200 of a real one.
const slowGEMM = 20

// Diagnose examines the binding, libtorch, the CPU's speed and the GPUs. It loads the library if need be, and never panics.
func Diagnose() []Finding {
	if err := Load(""); err != nil {
		return []Finding{{LevelError, err.Error(), "build the library with `make shim`, or set " + ShimEnv + " to a built one"}}
	}
	var found []Finding
	err := Try(func() error {
		info := GetInfo()
		found = append(found,
			Finding{LevelOK, fmt.Sprintf("libtorch %s at %s, by %s", info.Version, info.LibTorch, info.Library), ""},
			diagnoseThreads(info.Threads, threads()),
			diagnoseGEMM(MeasureGEMM(), mappedBLAS()),
			diagnoseWaiting(os.Getenv("OMP_WAIT_POLICY")))
		found = append(found, diagnoseCUDA(info, nvidiaPresent())...)
		return nil
	})
	if err != nil {
		found = append(found, Finding{LevelError, err.Error(), "the library is loaded but does not work; run `make shim` against this machine's libtorch"})
	}
	return found
}

func diagnoseThreads(have, want int) Finding {
	what := fmt.Sprintf("%d threads for an operation on the CPU", have)
	if have < want {
		return Finding{LevelWarn, what + fmt.Sprintf(", of %d that it may use", want), "torch.SetThreads, or OMP_NUM_THREADS"}
	}
	return Finding{LevelOK, what, ""}
}

func diagnoseGEMM(gflops float64, blas string) Finding {
	what := fmt.Sprintf("matrix products at %.0f GFLOPS (512×512 float32, %s)", gflops, blas)
	if gflops < slowGEMM {
		return Finding{LevelWarn, what + ": this is the speed of a reference BLAS, ten to thirty times slower than it should be",
			"apt-get install libopenblas0-pthread (and `update-alternatives --config libblas.so.3-x86_64-linux-gnu`), or build the shim against a pip torch; on a busy machine, measure again"}
	}
	return Finding{LevelOK, what, ""}
}

func diagnoseWaiting(policy string) Finding {
	if strings.EqualFold(policy, "passive") {
		return Finding{LevelOK, "OMP_WAIT_POLICY=passive", ""}
	}
	return Finding{LevelWarn, "OMP_WAIT_POLICY=" + policy + ": waiting threads take the CPU from each other and from other programs",
		"unset OMP_WAIT_POLICY, passive is the default here"}
}

func diagnoseCUDA(info Info, nvidia bool) []Finding {
	var found []Finding
	for _, d := range info.Devices {
		if d.Device == CPU {
			continue
		}
		if d.Total == 0 {
			found = append(found, Finding{LevelError, fmt.Sprintf("%s (%s) does not answer", d.Device, d.Name), "see `nvidia-smi`; a driver older than libtorch's CUDA is the usual cause"})
			continue
		}
		found = append(found, Finding{LevelOK, fmt.Sprintf("%s: %s, %.1f of %.1f GiB free", d.Device, d.Name, gib(d.Free), gib(d.Total)), ""})
	}
	if len(found) > 0 {
		return found
	}
	switch {
	case nvidia && !info.CUDABuilt:
		return []Finding{{LevelWarn, "there is an NVIDIA GPU, but this libtorch is built for the CPU", "make shim PYTHON=<a Python with CUDA's torch, such as ComfyUI's>"}}
	case nvidia:
		return []Finding{{LevelWarn, "there is an NVIDIA GPU, but libtorch cannot use it", "see `nvidia-smi`; a driver older than libtorch's CUDA is the usual cause (also: CUDA_VISIBLE_DEVICES)"}}
	}
	return []Finding{{LevelOK, "no GPU; computing on the CPU", ""}}
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }

func nvidiaPresent() bool {
	_, err := os.Stat("/dev/nvidiactl")
	return err == nil
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
