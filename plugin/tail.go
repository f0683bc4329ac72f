package plugin

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// tail keeps the last bytes that were written to it, for the error that reports a process's end. Safe for concurrent use.
type tail struct {
	mu    sync.Mutex
	bytes []byte
}

const (
	tailBytes = 16 << 10
	tailLines = 12
)

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes = append(t.bytes, p...)
	// Trimmed at twice the size, so that most writes copy nothing.
	if extra := len(t.bytes) - tailBytes; extra > tailBytes {
		t.bytes = append(t.bytes[:0], t.bytes[extra:]...)
	}
	return len(p), nil
}

// String is the last lines; those that hclog wrote as JSON are turned back into sentences.
func (t *tail) String() string {
	t.mu.Lock()
	text := strings.TrimRight(string(t.bytes), "\n")
	t.mu.Unlock()
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	// A crash explains itself in its first lines, what follows are stacks.
	if crash := slices.IndexFunc(lines, isCrash); crash >= 0 {
		lines = lines[crash:min(crash+tailLines, len(lines))]
	} else if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	for i, line := range lines {
		lines[i] = sentence(line)
	}
	return strings.Join(lines, "\n")
}

// isCrash tells the line with which the Go runtime or the C++ library begins to report a crash.
func isCrash(line string) bool {
	for _, start := range []string{"panic: ", "fatal error: ", "SIG", "unexpected fault address", "runtime: ", "terminate called"} {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return false
}

func sentence(line string) string {
	var entry map[string]any
	if json.Unmarshal([]byte(line), &entry) != nil {
		return line
	}
	message, ok := entry["@message"].(string)
	if !ok {
		return line
	}
	if level, ok := entry["@level"].(string); ok {
		message = fmt.Sprintf("[%s] %s", level, message)
	}
	if reason, ok := entry["error"].(string); ok {
		message += ": " + reason
	}
	return message
}

// lockedWriter lets several goroutines write to one writer, which need not know of it.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

// Write writes while nobody else does.
func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}
