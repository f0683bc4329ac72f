package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"

	"github.com/isac-guidance/isac/isac/torch/torchtest"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/server"
)

// listen serves the small registry at an address until the test ends, and returns the address.
func listen(t *testing.T, at server.Listen) string {
	t.Helper()
	torchtest.Require(t)
	ctx, stop := context.WithCancel(context.Background())
	addresses, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- server.ServeAt(ctx, server.Options{Registry: registry(), Version: "test"}, at, func(a net.Addr) { addresses <- a.String() })
	}()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("it serves on")
		}
	})
	select {
	case address := <-addresses:
		return address
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return ""
}

func TestServeAtLoopback(t *testing.T) {
	address := listen(t, server.Listen{Address: "127.0.0.1:0"})
	c, err := plugin.Dial(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := run(t, c.Nodes, "Diagonal", ones()).Outputs[0]
	if err := c.Release(t.Context(), m.Handle.ID); err != nil {
		t.Error(err)
	}
	methods, err := c.Guidance.Methods(t.Context())
	if err != nil || len(methods) < 2 || methods[0].Name != "isac" || methods[0].Presets[0].Options["eta"] == "" || len(methods[0].Options) == 0 {
		t.Errorf("methods %+v, %v", methods, err)
	}
	if _, err := c.Guidance.Open(t.Context(), plugin.GuidanceConfig{Checkpoint: "mini", Prompt: "two cats", Parametrisation: plugin.ParametrisationModel}); err == nil || !strings.Contains(err.Error(), "loads no checkpoints") {
		t.Errorf("a registry without checkpoints: %v", err)
	}
}

// TestHealthAndReflection asks as grpc_health_probe and grpcurl do.
func TestHealthAndReflection(t *testing.T) {
	address := listen(t, server.Listen{Address: "127.0.0.1:0"})
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, service := range []string{"", "plugin", "isac.v1.Nodes", "isac.v1.Guidance"} {
		answer, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
		if err != nil || answer.Status != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Errorf("health of %q: %v, %v", service, answer, err)
		}
	}
	if names := services(t, conn); !slices.Contains(names, "isac.v1.Nodes") || !slices.Contains(names, "isac.v1.Guidance") {
		t.Errorf("reflection lists %q", names)
	}
}

// services are what reflection lists.
func services(t *testing.T, conn *grpc.ClientConn) []string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	stream, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range answer.GetListServicesResponse().GetService() {
		names = append(names, s.Name)
	}
	return names
}

// TestServeAtWithTLS lets in those that the authority vouches for, and nobody else.
func TestServeAtWithTLS(t *testing.T) {
	ours, foreign := newAuthority(t), newAuthority(t)
	cert, key := ours.issue(t, "server")
	hostCert, hostKey := ours.issue(t, "host")
	strangerCert, strangerKey := foreign.issue(t, "stranger")
	address := listen(t, server.Listen{Address: "127.0.0.1:0", Cert: cert, Key: key, CA: ours.file})
	identity := func(cert, key, ca string) *tls.Config {
		t.Helper()
		c, err := plugin.Identity(cert, key, ca)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	nobody := identity(hostCert, hostKey, ours.file)
	nobody.Certificates = nil
	for _, c := range []struct {
		name     string
		identity *tls.Config
		in       bool
	}{
		{"the authority's", identity(hostCert, hostKey, ours.file), true},
		{"another authority's", identity(strangerCert, strangerKey, ours.file), false},
		{"no certificate", nobody, false},
		{"who trusts another", identity(hostCert, hostKey, foreign.file), false},
		{"plain", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
			defer stop()
			r, err := plugin.Dial(ctx, address, c.identity)
			if err == nil {
				defer r.Close()
			}
			if (err == nil) != c.in {
				t.Errorf("%v, expected to be let in: %v", err, c.in)
			}
		})
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	authority := newAuthority(t)
	cert, key := authority.issue(t, "server")
	for _, c := range []struct {
		name string
		at   server.Listen
		says string
	}{
		{"every address", server.Listen{Address: ":0"}, "prove who they are"},
		{"every address by number", server.Listen{Address: "0.0.0.0:0"}, "prove who they are"},
		{"every address of IPv6", server.Listen{Address: "[::]:0"}, "prove who they are"},
		{"another machine's name", server.Listen{Address: "example.org:1"}, "prove who they are"},
		{"no port", server.Listen{Address: "127.0.0.1"}, "expected HOST:PORT"},
		{"no authority", server.Listen{Address: "127.0.0.1:0", Cert: cert, Key: key}, "all three"},
		{"no key", server.Listen{Address: "0.0.0.0:0", Cert: cert, CA: authority.file}, "all three"},
		{"a key that is none", server.Listen{Address: "0.0.0.0:0", Cert: cert, Key: cert, CA: authority.file}, "with key"},
		{"an authority that is none", server.Listen{Address: "0.0.0.0:0", Cert: cert, Key: key, CA: key}, "no certificate in PEM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := server.ServeAt(t.Context(), server.Options{Registry: registry()}, c.at, func(net.Addr) { t.Error("it listens") })
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, expected %q", err, c.says)
			}
		})
	}
	if _, err := plugin.Dial(t.Context(), "192.0.2.1:1", nil); err == nil || !strings.Contains(err.Error(), "only a loopback address") {
		t.Errorf("a plain connection to another machine: %v", err)
	}
}

// authority signs certificates for 127.0.0.1.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert: cert, key: key, file: writePEM(t, "authority", "CERTIFICATE", der)}
}

// issue makes a certificate and its key, as files.
func (a *authority) issue(t *testing.T, name string) (cert, key string) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &own.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, name+".crt", "CERTIFICATE", der), writePEM(t, name+".key", "EC PRIVATE KEY", secret)
}

func writePEM(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
