package main

import (
	"strings"
	"testing"
)

const printed = `goos: linux
goarch: amd64
pkg: example.org/x
cpu: A Processor @ 2 GHz
BenchmarkMini/unguided-2         	       3	 800000000 ns/op
BenchmarkMini/typed,_every_step-2         	       3	2000000000 ns/op	        12.5 KiB/socket
BenchmarkMini/unguided-2         	       3	1200000000 ns/op
BenchmarkMini/unguided-2         	       3	1000000000 ns/op
PASS
ok  	example.org/x	9.1s
`

func TestTableOfABenchmark(t *testing.T) {
	m := measurement{title: "Speed", about: "A run.", pkg: "./x", bench: "Mini", base: "unguided"}
	p := parse(printed)
	if p.cpu != "A Processor @ 2 GHz" {
		t.Errorf("cpu is %q", p.cpu)
	}
	want := `### Speed

A run.

    go test -run - -bench '^BenchmarkMini$' ./x

a machine:

|  | time | KiB/socket | to unguided |
| --- | ---: | ---: | ---: |
| unguided | 1s |  | 1 |
| typed, every step | 2s | 12.5 | 2 |
`
	if got := table(m, p, "a machine"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTableOfATest(t *testing.T) {
	p := parse("=== RUN   TestEnds\n=== RUN   TestEnds/killed,_wrapper\n    orphan_test.go:96: gone after 31ms\n" +
		"--- PASS: TestEnds (0.1s)\n    --- PASS: TestEnds/killed,_wrapper (0.10s)\nPASS\n")
	got := table(measurement{title: "Ends", pkg: "./x", test: "Ends"}, p, "")
	if !strings.HasSuffix(got, "| test | it says |\n|---|---|\n| TestEnds/killed, wrapper | gone after 31ms |\n") {
		t.Errorf("got\n%s", got)
	}
}

// Numbers keep three digits, times a unit that fits them.
func TestCells(t *testing.T) {
	for nanoseconds, want := range map[float64]string{1234567: "1.23ms", 987654321: "988ms", 12345678901: "12.3s", 812: "812ns", 50: "50ns"} {
		r := result{values: map[string][]float64{"ns/op": {nanoseconds}}}
		if got := r.cell("ns/op"); got != want {
			t.Errorf("%v is written %q, want %q", nanoseconds, got, want)
		}
	}
	even := result{values: map[string][]float64{"MB": {4, 1}}}
	if got := even.cell("MB"); got != "2.5" {
		t.Errorf("the median of two is %q", got)
	}
	if got := digits(12345.6); got != "12346" {
		t.Errorf("a large number is written %q", got)
	}
	if got := even.cell("KiB"); got != "" {
		t.Errorf("a unit that is not there is %q", got)
	}
}
