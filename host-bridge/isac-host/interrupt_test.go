package main

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestInterrupt(t *testing.T) {
	dir := workspace(t)
	t.Chdir(dir)
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(1500*time.Millisecond, func() { cancel(errInterrupted) })
	const waits = `{"1":{"class_type":"Number","inputs":{"value":1}},"2":{"class_type":"Wait","inputs":{"a":["1",0]}},"3":{"class_type":"Show","inputs":{"value":["2",0]}}}`
	start := time.Now()
	status, stdout, stderr := invoke(t, ctx, dir, waits, "run", "-", "--out", "out")
	if status != exitInterrupted || stdout != "" {
		t.Errorf("status is %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	if !strings.HasSuffix(stderr, "isac-host: interrupted\n") {
		t.Errorf("stderr is %q", stderr)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	for _, file := range below(t, "out") {
		if file != recordName {
			t.Errorf("%s was left", file)
		}
	}
}
