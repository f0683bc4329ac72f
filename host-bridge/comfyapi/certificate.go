package comfyapi

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is what the server proves itself with. It is read again where its files have changed, so that who renews it does not
// have to restart the server.
type certificate struct {
	files [2]string // of the certificates, leaf first, and of the key, both PEM
	log   *slog.Logger

	mu   sync.Mutex
	pair *tls.Certificate
	seen [2]stamp
}

// stamp tells a file's content from an older one.
type stamp struct {
	modified time.Time
	size     int64
}

// readCertificate reads both files. One that has expired is an error at the start: no client would come in.
func readCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{files: [2]string{cert, key}, log: log}
	if err := c.read(c.stamps()); err != nil {
		return nil, err
	}
	if end := c.pair.Leaf.NotAfter; time.Now().After(end) {
		return nil, fmt.Errorf("the certificate %s expired on %s; give one that is valid", cert, end.Format(time.DateOnly))
	}
	return c, nil
}

func (c *certificate) stamps() (now [2]stamp) {
	for i, name := range c.files {
		if info, err := os.Stat(name); err == nil { // else read says so
			now[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return now
}

func (c *certificate) read(now [2]stamp) error {
	pair, err := tls.LoadX509KeyPair(c.files[0], c.files[1])
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w; expected two files in PEM that belong together", c.files[0], c.files[1], err)
	}
	c.pair, c.seen = &pair, now
	return nil
}

// get gives the certificate of a handshake. While new files cannot be read, or only one of them is there yet, the old pair serves on.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.stamps(); now != c.seen {
		if err := c.read(now); err != nil {
			c.seen = now // said once
			c.log.Warn("the new certificate cannot be used; the old one stays", "reason", err.Error())
		} else {
			c.log.Info("the certificate was renewed", "file", c.files[0], "expires", c.pair.Leaf.NotAfter.Format(time.DateOnly))
		}
	}
	return c.pair, nil
}

// config is for a listener. HTTP/1.1 alone: a WebSocket needs a connection of its own anyhow, and deadlines of bodies are simple there.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: c.get}
}

// certificate reads what TLSCert and TLSKey name; nil where they name nothing.
func (c Config) certificate() (*certificate, error) {
	switch {
	case c.TLSCert == "" && c.TLSKey == "":
		return nil, nil
	case c.TLSCert == "" || c.TLSKey == "":
		return nil, errors.New("a certificate without its key, or a key without its certificate, was given; give both, or none for plain HTTP")
	}
	return readCertificate(c.TLSCert, c.TLSKey, c.Log)
}
