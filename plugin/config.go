package plugin

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
)

// BinaryName is the file name of the plugin's executable.
const BinaryName = "isac-plugin"

// Config says how to start the process. The zero Config starts the isac-plugin that lies next to the host.
type Config struct {
	// Path of the executable. Empty: next to the host's own executable, else in PATH.
	Path string
	// Args are passed to the executable as they are.
	Args []string
	// Env are "NAME=value" pairs that are added to the host's environment, such as EnvModels and EnvDevice. Of the host's own the process
	// gets everything but secrets: variables ISAC_… with one of the words TOKEN, NATS, CREDS, KEY, PASSWORD, SECRET in their name.
	Env []string
	// Logger receives the process's log, line by line; nil drops it (the last lines still appear in an ExitError).
	Logger hclog.Logger
	// Stderr receives the process's standard error as it is; may be nil.
	Stderr io.Writer
	// StartTimeout bounds the time from the start to the first answer; 0 means 30 s.
	StartTimeout time.Duration
	// GraceTime is what Close waits for the process to end by itself; 0 means 3 s.
	GraceTime time.Duration
	// TempDir is where the private directory of the socket is made; empty means os.TempDir().
	TempDir string
}

func (c Config) withDefaults() Config {
	if c.StartTimeout <= 0 {
		c.StartTimeout = 30 * time.Second
	}
	if c.GraceTime <= 0 {
		c.GraceTime = 3 * time.Second
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Stderr == nil {
		c.Stderr = io.Discard
	}
	return c
}

// FindBinary returns the path of the plugin's executable: path where it is given, else next to this program, else in PATH.
func FindBinary(path string) (string, error) {
	if path != "" {
		found, err := exec.LookPath(path)
		if err != nil {
			return "", fmt.Errorf("plugin %q: %w; give the path of the isac-plugin executable", path, err)
		}
		return filepath.Abs(found)
	}
	name := BinaryName
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	var beside string
	if self, err := os.Executable(); err == nil {
		// The host may be a link in a directory of links; the plugin lies beside the real file.
		if real, err := filepath.EvalSymlinks(self); err == nil {
			self = real
		}
		beside = filepath.Join(filepath.Dir(self), name)
		if found, err := exec.LookPath(beside); err == nil {
			return found, nil
		}
	}
	found, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s not found: neither %s nor any directory of PATH has it; build it with make, or give its path", name, beside)
	}
	return filepath.Abs(found)
}

// environment is the process's: the host's own, less the host's secrets and less what belongs to a plugin that the host itself may be,
// plus extra. Of two pairs with one name os/exec takes the last.
func environment(extra ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		// PYTORCH_CUDA_ALLOC_CONF: a host that runs a torch of its own set it for that one; another version may reject it.
		return strings.HasPrefix(name, "PLUGIN_") || name == EnvLifeline || name == EnvPrivateDir || name == "PYTORCH_CUDA_ALLOC_CONF" ||
			secret(name)
	})
	return append(env, extra...)
}

// secret tells the variables that hold what only a host needs: the token of its clients, the address of its queue with the token in it,
// and whatever of that sort comes to be. What a plugin itself needs is given to it in Config.Env.
func secret(name string) bool {
	words, ours := strings.CutPrefix(strings.ToUpper(name), "ISAC_")
	return ours && slices.ContainsFunc(strings.Split(words, "_"), func(word string) bool {
		return slices.Contains([]string{"TOKEN", "NATS", "CREDS", "KEY", "PASSWORD", "SECRET"}, word)
	})
}
