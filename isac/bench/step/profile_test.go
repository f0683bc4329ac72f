package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestTable puts made-up events of a GPU into sections: kernels by the call or the operator that asked for them, whenever they ran.
func TestTable(t *testing.T) {
	at := func(kind torch.EventKind, name string, start, length int, ids ...uint64) torch.Event {
		e := torch.Event{Kind: kind, Name: name, Start: time.Duration(start) * time.Millisecond, Length: time.Duration(length) * time.Millisecond, Thread: 1}
		if len(ids) == 2 {
			e.Own, e.Linked = ids[0], ids[1]
		}
		return e
	}
	t1 := newTable([]torch.Event{
		at(torch.EventKernel, "gemm", 95, 20, 7, 0), // runs when the second section has begun
		at(torch.EventSection, "outer", 0, 100), at(torch.EventSection, "inner", 40, 20),
		at(torch.EventOp, "aten::linear", 42, 10, 3, 0), at(torch.EventOp, "aten::addmm", 43, 6, 4, 0), at(torch.EventDriver, "cudaLaunchKernel", 44, 1, 7, 4),
		at(torch.EventDriver, "cudaStreamSynchronize", 70, 5, 8, 0), at(torch.EventKernel, "copy", 71, 1, 99, 4),
		at(torch.EventOp, "aten::add", 200, 1, 5, 0), // outside
	})
	if len(t1.rows) != 2 || t1.rows[0].Name != "outer" || t1.rows[1].Name != "inner" {
		t.Fatalf("%+v", t1.rows)
	}
	outer, inner := t1.rows[0], t1.rows[1]
	if inner.Kernels != 2 || inner.DeviceTime != 21 || inner.Operators != 2 || inner.Launches != 1 || inner.Waits != 0 {
		t.Errorf("inner: %+v", inner)
	}
	if outer.Waits != 1 || outer.Kernels != 0 || outer.Operators != 0 {
		t.Errorf("outer: %+v", outer)
	}
	if ops := t1.operators(); len(ops) != 2 || ops[0].Name != "aten::addmm" || ops[0].Time != 6 || ops[1].Time != 4 {
		t.Errorf("operators: %+v", ops)
	}
	t1.times([]torch.Event{at(torch.EventSection, "outer", 0, 10), at(torch.EventSection, "inner", 2, 4), at(torch.EventSection, "outer", 20, 12)}, 2,
		func(r *sectionRow, ms float64) { r.Asked = ms })
	if t1.rows[0].Asked != 9 || t1.rows[1].Asked != 2 {
		t.Errorf("times: %+v", t1.rows)
	}
}

// TestProfilesTheMiniModel holds that each part of a step is there, with what it reads.
func TestProfilesTheMiniModel(t *testing.T) {
	torchtest.Require(t)
	dir := t.TempDir()
	f := &flags{
		model: filepath.Join("..", "..", "..", "examples", "mini", "model"), write: filepath.Join(dir, "inputs.safetensors"),
		prompt: "a photo of two cats and a dog", device: "cpu", dtype: "float32", threads: 1, repeat: 1, preset: "typed", out: filepath.Join(dir, "p.json"),
	}
	if err := f.run(); err != nil {
		t.Fatal(err)
	}
	f.inputs, f.write = f.write, ""
	t.Setenv(guidance.ReadOnceEnv, "1")
	once, err := f.profile()
	if err != nil {
		t.Fatal(err)
	}
	if reads := once.guidance().Reads; reads != 1 {
		t.Errorf("a guided step that is to read once reads %d times: %+v", reads, once.Sections)
	}
	t.Setenv(guidance.ReadOnceEnv, "0")
	p, err := f.profile()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]sectionRow{}
	for _, r := range p.Sections {
		rows[r.Name] = r
	}
	for _, name := range []string{sectionGuided, "forward", "maps", "foreground", "clusters", "masks", "losses", "backward", sectionUnguided} {
		if r := rows[name]; r.Operators == 0 || r.Kernels == 0 || r.Waited <= 0 || r.Asked <= 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := rows["forward"]; r.Waits != 0 || r.Reads != 0 {
		t.Errorf("the forward pass waits for the device: %+v", r)
	}
	if reads := p.guidance().Reads + rows[sectionUnguided].Reads; reads != 4 { // the foreground, the labels, the masks with their peaks, and the losses with the norms
		t.Errorf("a guided step reads from the device %d times: %+v", reads, rows)
	}
	if p.Ratio < 1.2 || p.Ratio != (p.Guided+p.Unguided)/p.Unguided || len(p.Operators) == 0 {
		t.Errorf("%+v", p)
	}
	if err := f.tell(); err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := compareProfiles(&table, []string{"before=" + f.out, "after=" + f.out}); err != nil || strings.Count(table.String(), "| backward | ") != 1 ||
		!strings.Contains(table.String(), "before: ms") || !strings.Contains(table.String(), "after: cpu") {
		t.Errorf("%v\n%s", err, &table)
	}
	for _, wrong := range []string{"file.json", "a=/nowhere.json", "a=" + f.inputs} {
		if compareProfiles(&table, []string{wrong}) == nil {
			t.Errorf("%s is a profile", wrong)
		}
	}
	var text bytes.Buffer
	p.print(&text)
	for _, want := range []string{"all of guidance", "unguided evaluation", "moving, checks", "aten::"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
}
