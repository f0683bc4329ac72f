package comfyapi

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/isac-guidance/isac/plugin/modelfolder"
)

// DefaultListen is ComfyUI's address.
const DefaultListen = "127.0.0.1:8188"

// APIVersion is the version of ComfyUI whose API this is; clients ask /system_stats for it.
const APIVersion = "0.3.64"

// Config says how a Server serves. The zero Config is good for one person on one machine.
type Config struct {
	// Listen is the address, host:port; empty means DefaultListen. Port 0 takes a free one. Any host that is not a loopback address
	// or "localhost" needs a Token.
	Listen string
	// Token has to come with every request: "Authorization: Bearer TOKEN", "X-API-Key: TOKEN", as the password of Basic authentication with any
	// user, ?token=TOKEN, or the cookie that a page gets which was opened with ?token=TOKEN. Empty: no token is asked for.
	Token string
	// TLSCert and TLSKey are files in PEM, the certificate with those between it and its authority, and its key: with them the server
	// speaks HTTPS alone. Files that change are read again. Both empty: HTTP.
	TLSCert, TLSKey string
	// Hosts are more names by which a loopback server may be asked for, such as that of a reverse proxy before it.
	Hosts []string
	// Origins are web pages of other servers, "https://example.org", that may use this one. "*" is not taken.
	Origins []string

	// Page is what GET / serves: index.html and what lies beside it; nil: a sentence instead of a page.
	Page fs.FS
	// Templates are example workflows, *.json, by the name of their pack.
	Templates map[string]fs.FS
	// Models are folders in which /models, /embeddings and /view_metadata look, as modelfolder.New reads them. Where nodes have a folder's
	// files to choose from, /models gives their list.
	Models []string
	// MultiUser keeps settings and userdata apart by the header Comfy-User.
	MultiUser bool
	// Previews are made for prompts that do not say whether they want them. Off is what clients expect that count every binary
	// message as a result.
	Previews bool
	// Version of the host.
	Version string
	// Log gets requests at debug, and what goes wrong; nil drops it.
	Log *slog.Logger
	// Logs are what /internal/logs shows; may be nil.
	Logs *Logs
	// Limits; zero fields take their defaults.
	Limits Limits
}

// Limits of what clients may send, and of what is kept for them.
type Limits struct {
	// PromptBytes of the body of POST /prompt; default 32 MiB. The workflow in it is limited by package graph, the record by the queue.
	PromptBytes int64
	// BodyBytes of all other JSON bodies; default 4 MiB.
	BodyBytes int64
	// UploadBytes of POST /upload/…; default 100 MiB, as ComfyUI.
	UploadBytes int64
	// Uploads of more than 1 MiB that are read at once; default 4. They are held in memory.
	Uploads int
	// UploadWait is how long one waits for others to be done; default 1 minute.
	UploadWait time.Duration
	// BodyStall is how long the body of a request may pause; default 10 s.
	BodyStall time.Duration
	// BodyRate is how many bytes a second have to come of a body, once BodyStall is over; default 64 KiB.
	BodyRate int64
	// UserdataBytes of one file of userdata; default 32 MiB.
	UserdataBytes int64
	// ImagePixels of an image that is decoded, for a preview or a mask; default 40 million, which is more than 8K. All that are decoded at
	// once take as much memory as one of that size, 16 bytes a pixel; others wait.
	ImagePixels int

	// Sockets that are open at once; default 1000.
	Sockets int
	// SocketMessageBytes of a message from a client; default 64 KiB.
	SocketMessageBytes int64
	// SocketFrames and SocketBytes that wait for one socket: beyond, it is closed; default 1024 and 16 MiB.
	SocketFrames, SocketBytes int
	// SocketWrite is how long one write to a socket may take; default 15 s.
	SocketWrite time.Duration
	// SocketSilence is the longest time without a text message to a socket while prompts run; default 4 s.
	SocketSilence time.Duration
}

func (l Limits) withDefaults() Limits {
	set(&l.PromptBytes, 32<<20)
	set(&l.BodyBytes, 4<<20)
	set(&l.UploadBytes, 100<<20)
	set(&l.Uploads, 4)
	set(&l.UploadWait, time.Minute)
	set(&l.BodyStall, 10*time.Second)
	set(&l.BodyRate, 64<<10)
	set(&l.UserdataBytes, 32<<20)
	set(&l.ImagePixels, 40_000_000)
	set(&l.Sockets, 1000)
	set(&l.SocketMessageBytes, 64<<10)
	set(&l.SocketFrames, 1024)
	set(&l.SocketBytes, 16<<20)
	set(&l.SocketWrite, 15*time.Second)
	set(&l.SocketSilence, 4*time.Second)
	return l
}

func set[T int | int64 | time.Duration](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}

func (c Config) withDefaults() Config {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Logs == nil {
		c.Logs = NewLogs(300)
	}
	c.Limits = c.Limits.withDefaults()
	return c
}

// minToken is the shortest token that is taken, and minDifferent how many different characters it has at least: whatever is less can be
// tried out.
const (
	minToken     = 16
	minDifferent = 6
)

// checkToken takes a token that nobody finds by trying, and that a header can carry as it stands. None at all is no mistake here.
func checkToken(token string) error {
	different := map[rune]bool{}
	for _, r := range token {
		if r <= ' ' || r > '~' {
			return fmt.Errorf("the token holds the character %q; a header carries letters, digits and signs of ASCII alone, and no spaces", r)
		}
		different[r] = true
	}
	switch {
	case token == "":
		return nil
	case len(token) < minToken:
		return fmt.Errorf("the token has %d characters; at least %d are needed, so that nobody finds it by trying", len(token), minToken)
	case len(different) < minDifferent:
		return fmt.Errorf("the token has only %d different characters; at least %d are needed, so that nobody finds it by trying", len(different), minDifferent)
	}
	return nil
}

func (c Config) check() error {
	var wrong []error
	host, port, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		wrong = append(wrong, fmt.Errorf("address %q is not host:port (%w); for example %s", c.Listen, err, DefaultListen))
	case port == "":
		wrong = append(wrong, fmt.Errorf("address %q has no port; for example %s", c.Listen, DefaultListen))
	case !isLoopback(host) && c.Token == "":
		wrong = append(wrong, fmt.Errorf("address %q can be reached from other machines, and whoever reaches it runs what he likes: give a token, or listen on %s",
			c.Listen, DefaultListen))
	}
	if err := checkToken(c.Token); err != nil {
		wrong = append(wrong, err)
	}
	for _, text := range c.Origins {
		if _, ok := parseOrigin(strings.TrimSuffix(text, "/")); !ok {
			wrong = append(wrong, fmt.Errorf("origin %q is not of the form https://example.org", text))
		}
	}
	if err := modelfolder.Check(c.Models); err != nil {
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// isLoopback says whether a host name means this machine alone. A name is not looked up: it could be anything tomorrow.
func isLoopback(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
