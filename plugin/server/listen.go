package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// Listen says where hosts reach a process that none of them started.
type Listen struct {
	// Address is HOST:PORT; port 0 is any that is free.
	Address string
	// Cert, Key and CA are files in PEM: the process's certificate and key, and the authority whose certificates hosts have to show. All
	// three or none; none only where the address is a loopback one.
	Cert, Key, CA string
}

const (
	// farewell is how long calls may go on when the process is asked to end.
	farewell = 3 * time.Second
	// A host that is gone without a word is noticed after about their sum, and its sessions end.
	pingAfter, pingWait = 30 * time.Second, 10 * time.Second
)

// ServeAt serves hosts at an address until ctx ends: the same services as Serve, with health and reflection. listening is called with
// the address once hosts can connect.
func ServeAt(ctx context.Context, options Options, at Listen, listening func(net.Addr)) error {
	secure, err := at.options()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", at.Address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	options.Fatal = func(err error) {
		// Late enough for the host to get the call's error first.
		time.AfterFunc(time.Second, func() { end(fmt.Errorf("the device is unusable for this process: %w", err)) })
	}
	s := New(options)
	defer s.Close()
	rpc := plugin.GRPCServer(append(append(secure, s.interceptors()...), grpc.WaitForHandlers(true),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingWait})))
	status := s.register(rpc)
	served := make(chan error, 1)
	go func() { served <- rpc.Serve(listener) }()
	listening(listener.Addr())
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	status.Shutdown()
	hard := time.AfterFunc(farewell, rpc.Stop)
	rpc.GracefulStop()
	hard.Stop()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// register puts all services on a gRPC server.
func (s *Server) register(rpc *grpc.Server) *health.Server {
	isacpb.RegisterNodesServer(rpc, s)
	isacpb.RegisterGuidanceServer(rpc, s.guidance)
	status := health.NewServer()
	for _, service := range []string{goplugin.GRPCServiceName, isacpb.Nodes_ServiceDesc.ServiceName, isacpb.Guidance_ServiceDesc.ServiceName} {
		status.SetServingStatus(service, grpc_health_v1.HealthCheckResponse_SERVING)
	}
	grpc_health_v1.RegisterHealthServer(rpc, status)
	reflection.Register(rpc)
	return status
}

// options are those of the connection's security.
func (l Listen) options() ([]grpc.ServerOption, error) {
	host, _, err := net.SplitHostPort(l.Address)
	if err != nil {
		return nil, fmt.Errorf("listen at %q: %w; expected HOST:PORT, such as 127.0.0.1:7860", l.Address, err)
	}
	switch given := l.Cert != "" || l.Key != "" || l.CA != ""; {
	case !given && plugin.Loopback(host):
		return nil, nil
	case !given:
		return nil, fmt.Errorf("listen at %q: other machines reach this address, so both sides have to prove who they are: give a certificate, its key and the authority of the hosts' certificates, or listen at 127.0.0.1", l.Address)
	case l.Cert == "" || l.Key == "" || l.CA == "":
		return nil, fmt.Errorf("certificate %q, key %q, authority %q: all three are needed, for hosts have to prove who they are too", l.Cert, l.Key, l.CA)
	}
	own, err := tls.LoadX509KeyPair(l.Cert, l.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %q with key %q: %w", l.Cert, l.Key, err)
	}
	pem, err := os.ReadFile(l.CA)
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	hosts := x509.NewCertPool()
	if !hosts.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("authority %q: no certificate in PEM is in it", l.CA)
	}
	return []grpc.ServerOption{grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: hosts,
	}))}, nil
}

// Lifeline ends ctx when the host that holds the other end of standard input is gone, where the host asks for it (plugin.EnvLifeline).
func Lifeline(ctx context.Context, log hclog.Logger) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancel(ctx)
	if os.Getenv(plugin.EnvLifeline) == "stdin" {
		go func() {
			// The end and an error say the same: nobody is there.
			_, _ = io.Copy(io.Discard, os.Stdin)
			log.Warn("this process ends: the host is gone", "because", "its end of the lifeline is closed")
			end()
		}()
	}
	return ctx, end
}
