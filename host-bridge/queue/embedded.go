package queue

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// embeddedPayload is what a message of the embedded server may hold.
const embeddedPayload = 8 << 20

// embedded is a nats-server in this process.
type embedded struct {
	server *server.Server
	token  string
	pin    string // of its certificate
	log    *serverLog
}

// startEmbedded starts the server, which keeps nothing. With listen empty nobody outside this process can reach it; else it listens there,
// and wants the token; where none is given, the one in the data folder. What goes over the network is encrypted with a certificate of the
// data folder.
func startEmbedded(data, listen, token string, log *slog.Logger) (*embedded, error) {
	pin := ""
	options := &server.Options{ServerName: "isac-host", DontListen: true, NoSigs: true, MaxPayload: embeddedPayload, NoSystemAccount: true}
	if listen != "" {
		host, port, err := net.SplitHostPort(listen)
		if err != nil {
			return nil, fmt.Errorf("listen on %q: expected host:port, such as 127.0.0.1:4222: %w", listen, err)
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("listen on %q: %q is no port: %w", listen, port, err)
		}
		if token == "" {
			if token, err = ownToken(data); err != nil {
				return nil, err
			}
		}
		var certificate tls.Certificate
		if certificate, pin, err = ownCertificate(data); err != nil {
			return nil, err
		}
		options.TLS, options.TLSConfig = true, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}
		options.DontListen, options.Host, options.Port, options.Authorization = false, host, int(number), token
		if number == 0 {
			options.Port = server.RANDOM_PORT
		}
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("the embedded nats server: %w", err)
	}
	lines := &serverLog{log: log}
	s.SetLoggerV2(lines, false, false, false)
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		s.Shutdown()
		if err := lines.failure(); err != nil {
			return nil, fmt.Errorf("the embedded nats server: %w", err)
		}
		return nil, errors.New("the embedded nats server did not get ready in 20 s; see its log")
	}
	return &embedded{server: s, token: options.Authorization, pin: pin, log: lines}, nil
}

// ownToken is kept in the data folder, for the workers of other machines to come back after a restart. Who removes the file gets
// another one.
func ownToken(data string) (string, error) {
	path := filepath.Join(data, "nats.token")
	text, err := os.ReadFile(path)
	if token := strings.TrimSpace(string(text)); err == nil && token != "" {
		return token, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("token for workers: %w", err)
	}
	token := rand.Text()
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("token for workers: %w", err)
	}
	return token, nil
}

// url is how a worker reaches it; empty where none can. One that listens everywhere is named as this machine names itself.
func (e *embedded) url() string {
	a, ok := e.server.Addr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	if a.IP.IsUnspecified() {
		a = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: a.Port}
	}
	return "tls://" + e.token + "@" + a.String() + "?" + pinned + "=" + e.pin
}

// options are how this process connects to it.
func (e *embedded) options() []nats.Option {
	options := []nats.Option{nats.InProcessServer(e.server)}
	if e.token != "" {
		options = append(options, nats.Token(e.token))
	}
	return options
}

func (e *embedded) close() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
}
