//go:build unix

package server_test

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"

	"github.com/isac-guidance/isac/plugin"
)

// syncBuffer is a buffer for a writer and a reader on different goroutines.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Hosts of other releases: a foreign cookie, no common version, one version among others.
func TestHandshake(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	foreign := plugin.Handshake
	foreign.MagicCookieValue = "another plugin's"
	set := plugin.Versions(nil)[plugin.ProtocolVersion]
	for _, test := range []struct {
		name     string
		config   goplugin.HandshakeConfig
		versions map[int]goplugin.PluginSet
		says     string
		stderr   string
	}{
		{name: "same", config: plugin.Handshake, versions: plugin.Versions(nil)},
		{name: "a newer host", config: plugin.Handshake, versions: map[int]goplugin.PluginSet{1: set, 2: set, 3: set}},
		{name: "no common version", config: plugin.Handshake, versions: map[int]goplugin.PluginSet{98: set, 99: set}, says: "incompatible API version"},
		{name: "another cookie", config: foreign, versions: plugin.Versions(nil), says: "Failed to read any lines", stderr: "this is a plugin"},
	} {
		t.Run(test.name, func(t *testing.T) {
			// Not tempDir: a process that such a host kills cannot tidy up; plugin.Start does it then.
			dir := t.TempDir()
			var stderr syncBuffer
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), roleEnv+"=plugin", "TMPDIR="+dir)
			c := goplugin.NewClient(&goplugin.ClientConfig{
				HandshakeConfig: test.config, VersionedPlugins: test.versions, Cmd: cmd, AutoMTLS: true, Stderr: &stderr,
				AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, Logger: hclog.NewNullLogger(),
			})
			protocol, err := c.Client()
			if err == nil {
				err = protocol.Ping()
			}
			c.Kill()
			switch {
			case test.says == "" && err != nil:
				t.Error(err)
			case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
				t.Errorf("%v, expected %q", err, test.says)
			}
			if !strings.Contains(stderr.String(), test.stderr) {
				t.Errorf("stderr %q does not say %q", stderr.String(), test.stderr)
			}
			if test.says == "" && c.NegotiatedVersion() != plugin.ProtocolVersion {
				t.Errorf("version %d", c.NegotiatedVersion())
			}
		})
	}
}
