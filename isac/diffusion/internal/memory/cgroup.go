// Package memory tells how much memory a process may still take: what the machine has, and what the process's control group leaves of it.
package memory

import (
	"bufio"
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Unlimited is what there is where nothing limits it.
const Unlimited = math.MaxInt64

// CgroupFree is how many bytes the control groups of this process leave it, Unlimited where there are none or they do not limit
// memory. What the kernel would give back at once, the cache of files that were not read lately, counts as free.
func CgroupFree() int64 { return cgroupFree("/proc/self/cgroup", "/sys/fs/cgroup") }

func cgroupFree(self, mount string) int64 {
	text, err := os.ReadFile(self)
	if err != nil {
		return Unlimited
	}
	free := int64(Unlimited)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		parts := strings.SplitN(lines.Text(), ":", 3) // number:controllers:path
		if len(parts) != 3 {
			continue
		}
		switch {
		case parts[1] == "":
			free = min(free, upwards(mount, parts[2], "memory.max", "memory.current", "inactive_file"))
		case strings.Contains(","+parts[1]+",", ",memory,"):
			free = min(free, upwards(filepath.Join(mount, "memory"), parts[2], "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"))
		}
	}
	return free
}

// upwards gives the least that a group and those around it leave. In a container the path may be the host's and not be there: then the
// mount's root is the group.
func upwards(mount, path, limitFile, usageFile, cache string) int64 {
	free := int64(Unlimited)
	for {
		dir := filepath.Join(mount, path)
		limit, limited := number(filepath.Join(dir, limitFile))
		usage, known := number(filepath.Join(dir, usageFile))
		if limited && known {
			free = min(free, max(limit-usage+statOf(filepath.Join(dir, "memory.stat"), cache), 0))
		}
		if path == "/" || path == "." || path == "" {
			return free
		}
		path = filepath.Dir(path)
	}
}

// number reads a file that holds one; "max" is none.
func number(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// statOf reads one number of memory.stat, 0 where it is not there.
func statOf(path, name string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}
