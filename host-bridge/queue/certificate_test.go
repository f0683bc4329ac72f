package queue

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// What goes to workers is encrypted; a worker knows the server by the certificate in its URL, before and after a restart, and speaks to
// no other.
func TestWorkersKnowTheServer(t *testing.T) {
	data := t.TempDir()
	s, err := Open(t.Context(), Options{Data: data, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	address := s.WorkerURL()
	if info, err := os.Stat(filepath.Join(data, "nats.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info, err)
	}
	c, err := Connect(t.Context(), Remote{URL: address, Name: "worker"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if state, err := c.nc.TLSConnectionState(); err != nil || state.Version < 0x0304 {
		t.Errorf("no TLS 1.3: %v %v", state.Version, err)
	}
	c.Close()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	plain := "nats://" + parsed.User.String() + "@" + parsed.Host
	if nc, err := nats.Connect(plain, nats.Timeout(2*time.Second)); err == nil {
		nc.Close()
		t.Error("a client without the certificate was let in")
	}
	another := strings.Replace(address, parsed.Query().Get(pinned), strings.Repeat("0", 64), 1)
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if _, err := Connect(ctx, Remote{URL: another}, nil); !errors.Is(err, ErrCertificate) || strings.Contains(err.Error(), parsed.User.String()) {
		t.Errorf("another certificate: %v", err)
	}
	s.Close()
	if s, err = Open(t.Context(), Options{Data: data, Listen: parsed.Host}); err != nil {
		t.Fatal(err)
	}
	if s.WorkerURL() != address {
		t.Errorf("after a restart workers are told %s, before %s", s.WorkerURL(), address)
	}
}

func TestPins(t *testing.T) {
	pin := strings.Repeat("Ab", 32)
	for _, c := range []struct{ urls, plain, wrong string }{
		{"nats://t@a:1", "nats://t@a:1", ""},
		{"nats://t@a:1, nats://t@b:1", "nats://t@a:1, nats://t@b:1", ""},
		{"tls://t@a:1?sha256=" + pin, "tls://t@a:1", ""},
		{"tls://t@a:1?sha256=" + pin + ",tls://t@b:1?sha256=" + pin, "tls://t@a:1,tls://t@b:1", ""},
		{"tls://t@a:1?sha256=" + pin + ",tls://t@b:1", "", "either each or none"},
		{"tls://t@a:1?sha256=abc", "", "64 hexadecimal digits"},
		{"nats://t@a:1?sha256=" + pin, "", "tls://"},
		{"tls://t@a:1?sha=" + pin, "", "sha256="},
	} {
		plain, options, err := pins(c.urls)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "t@") {
				t.Errorf("%s: %v, expected %q", c.urls, err, c.wrong)
			}
			continue
		}
		if err != nil || plain != c.plain || (len(options) > 0) != strings.Contains(c.urls, "?") {
			t.Errorf("%s: %s, %d options, %v", c.urls, plain, len(options), err)
		}
	}
}

func TestBrokenCertificate(t *testing.T) {
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "nats.pem"), []byte("what"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), Options{Data: data, Listen: "127.0.0.1:0"}); err == nil || !strings.Contains(err.Error(), "nats.pem") {
		if err == nil {
			s.Close()
		}
		t.Errorf("%v", err)
	}
}
