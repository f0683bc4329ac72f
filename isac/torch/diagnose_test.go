package torch

import (
	"errors"
	"strings"
	"testing"
)

func TestDiagnoseParts(t *testing.T) {
	cpu := DeviceInfo{Device: CPU, Name: "CPU", Total: 2 << 30, Free: 1 << 30}
	gpu := DeviceInfo{Device: "cuda:0", Name: "H100", Total: 80 << 30, Free: 40 << 30}
	last := func(info Info, nvidia bool) Finding {
		found := diagnoseDevices(info, nvidia)
		return found[len(found)-1]
	}
	use := func(wanted Device, devices ...DeviceInfo) Finding {
		return diagnoseUse(wanted, devices, func(Device) error { return nil })
	}
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
		{"passive", diagnoseWaiting("PASSIVE", ""), LevelOK, "passive"},
		{"spinning", diagnoseWaiting("passive", "3000"), LevelOK, "GOMP_SPINCOUNT=3000"},
		{"active", diagnoseWaiting("active", ""), LevelWarn, "unset OMP_WAIT_POLICY"},
		{"CPU", last(Info{Devices: []DeviceInfo{cpu}}, false), LevelOK, "cpu: CPU, 1.0 of 2.0 GiB free"},
		{"GPU", last(Info{Devices: []DeviceInfo{cpu, gpu}}, true), LevelOK, "cuda:0: H100, 40.0 of 80.0 GiB free"},
		{"broken GPU", last(Info{Devices: []DeviceInfo{cpu, {Device: "cuda:0"}}}, true), LevelError, "nvidia-smi"},
		{"CPU build beside a GPU", last(Info{Devices: []DeviceInfo{cpu}}, true), LevelWarn, "make shim PYTHON="},
		{"driver", last(Info{CUDABuilt: true, Devices: []DeviceInfo{cpu}}, true), LevelWarn, "driver"},
		{"uses the CPU", use(CPU, cpu), LevelOK, "cpu"},
		{"uses the default", use("", cpu), LevelOK, "cpu"},
		{"uses the CPU beside a GPU", use(CPU, cpu, gpu), LevelWarn, "choose cuda:0"},
		{"uses the GPU", use("cuda", cpu, gpu), LevelOK, "cuda:0"},
		{"uses what is not there", use("cuda:1", cpu, gpu), LevelError, `device "cuda:1" is not among cpu, cuda:0`},
		{"uses no device", use("gpu", cpu, gpu), LevelError, `unknown device "gpu"`},
		{"uses what has no kernels", diagnoseUse("cuda:0", []DeviceInfo{cpu, gpu}, func(Device) error { return errors.New("no kernel image") }), LevelError, "cannot compute: no kernel image"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.found.Level != c.level || !strings.Contains(c.found.What+c.found.Remedy, c.text) {
				t.Errorf("got %+v, want %s with %q", c.found, c.level, c.text)
			}
			if c.found.Name == "" {
				t.Errorf("it does not say what was looked at: %+v", c.found)
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
	found := Diagnose(CPU)
	if len(found) < 8 || found[0].Name != "libtorch" || found[0].Level != LevelOK {
		t.Errorf("got %+v", found)
	}
	for _, f := range found {
		t.Logf("%s %s: %s %s", f.Level, f.Name, f.What, f.Remedy)
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
