package plugin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/isac-guidance/isac/plugin/isacpb"
)

// Remote is a connection to a plugin that this host did not start: isac-plugin serve --listen. It may be used by several goroutines at
// once. Handles belong to the process and not to the connection: release them.
type Remote struct {
	*Nodes
	// Guidance opens sessions, which end with the connection.
	Guidance *Guidance

	conn *grpc.ClientConn
}

// Dial connects to HOST:PORT and asks for the plugin's health. identity is nil for a plain connection, which a loopback address alone
// may have; see Identity.
func Dial(ctx context.Context, address string, identity *tls.Config) (*Remote, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("connect to %q: %w; expected HOST:PORT", address, err)
	}
	secure := insecure.NewCredentials()
	if identity != nil {
		secure = credentials.NewTLS(identity)
	} else if !Loopback(host) {
		return nil, fmt.Errorf("connect to %q: only a loopback address may have a plain connection: give certificate, key and authority", address)
	}
	conn, err := grpc.NewClient(address, append(DialOptions(), grpc.WithTransportCredentials(secure))...)
	if err != nil {
		return nil, fmt.Errorf("connect to %q: %w", address, err)
	}
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: isacpb.Guidance_ServiceDesc.ServiceName})
	if err == nil && answer.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		err = fmt.Errorf("the plugin says %s", answer.Status)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to %q: %w", address, err), conn.Close())
	}
	return &Remote{Nodes: NewNodes(conn), Guidance: NewGuidance(conn), conn: conn}, nil
}

// Close closes the connection and with it the sessions that are open.
func (r *Remote) Close() error { return r.conn.Close() }

// Identity reads what a host shows and wants to see, files in PEM: its own certificate and key, and the authority of the plugin's.
func Identity(cert, key, ca string) (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %q with key %q: %w", cert, key, err)
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("authority %q: no certificate in PEM is in it", ca)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}, RootCAs: authority}, nil
}

// Loopback tells whether a host's name or address is of this machine alone. An empty one is every address of the machine.
func Loopback(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.IsLoopback()
	}
	return host == "localhost"
}
