package torch

import (
	"strings"
	"testing"
)

func TestDiagnoseParts(t *testing.T) {
	gpu := DeviceInfo{Device: "cuda:0", Name: "H100", Total: 80 << 30, Free: 40 << 30}
	for _, c := range []struct {
		name  string
		found Finding
		level Level
		text  string
	}{
		{"fast BLAS", diagnoseGEMM(120, "libopenblas.so.0"), LevelOK, "120 GFLOPS"},
		{"reference BLAS", diagnoseGEMM(5.4, "libblas.so.3"), LevelWarn, "libopenblas0-pthread"},
		{"all threads", diagnoseThreads(4, 4), LevelOK, "4 threads"},
		{"few threads", diagnoseThreads(1, 4), LevelWarn, "OMP_NUM_THREADS"},
		{"passive", diagnoseWaiting("PASSIVE"), LevelOK, "passive"},
		{"active", diagnoseWaiting("active"), LevelWarn, "unset OMP_WAIT_POLICY"},
		{"GPU", diagnoseCUDA(Info{Devices: []DeviceInfo{{Device: CPU}, gpu}}, true)[0], LevelOK, "cuda:0: H100, 40.0 of 80.0 GiB free"},
		{"broken GPU", diagnoseCUDA(Info{Devices: []DeviceInfo{{Device: CPU}, {Device: "cuda:0"}}}, true)[0], LevelError, "nvidia-smi"},
		{"CPU build beside a GPU", diagnoseCUDA(Info{}, true)[0], LevelWarn, "make shim PYTHON="},
		{"driver", diagnoseCUDA(Info{CUDABuilt: true}, true)[0], LevelWarn, "driver"},
		{"no GPU", diagnoseCUDA(Info{CUDABuilt: true}, false)[0], LevelOK, "no GPU"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.found.Level != c.level || !strings.Contains(c.found.What+c.found.Remedy, c.text) {
				t.Errorf("got %+v, want %s with %q", c.found, c.level, c.text)
			}
			if (c.found.Remedy == "") != (c.level == LevelOK) {
				t.Errorf("a remedy belongs to a problem, and only there: %+v", c.found)
			}
		})
	}
}

func TestDiagnose(t *testing.T) {
	if err := Load(""); err != nil {
		t.Skip(err)
	}
	found := Diagnose()
	if len(found) < 5 || !strings.HasPrefix(found[0].What, "libtorch ") {
		t.Errorf("got %+v", found)
	}
	for _, f := range found {
		t.Logf("%s: %s %s", f.Level, f.What, f.Remedy)
	}
	if n := LiveHandles(); n != 0 {
		t.Errorf("%d tensors alive", n)
	}
}

func TestDevicePacking(t *testing.T) {
	for d, want := range map[Device]int32{"": -1, "cpu": -1, "cuda": 0, "cuda:0": 0, "cuda:3": 3} {
		if got, err := d.parse(); got != want || err != nil {
			t.Errorf("%q is %d (%v), want %d", d, got, err, want)
		}
	}
	for _, d := range []Device{"cuda:", "cuda:-1", "cuda:1000", "CPU", "mps"} {
		if n, err := d.parse(); err == nil {
			t.Errorf("%q is accepted as %d", d, n)
		}
	}
	if unpackDevice(-1) != CPU || unpackDevice(2) != "cuda:2" {
		t.Error("unpackDevice")
	}
}

// TestErrorWire sends an error through the form that passes C++.
func TestErrorWire(t *testing.T) {
	e := &Error{Kind: KindClosure, Op: "checkpoint", Message: "a\x1fb", Where: "x.go:1", Stack: "s"}
	fields := strings.Split(e.wire(), separator)
	if len(fields) != 6 || fields[0] != "closure" || fields[1] != "checkpoint" || fields[3] != "a b" || fields[4] != "x.go:1" || fields[5] != "s" {
		t.Errorf("got %q", fields)
	}
}
