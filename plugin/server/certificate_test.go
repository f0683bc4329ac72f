//go:build unix

package server_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/server"
)

// pairOn makes a certificate with a key on a curve, as hosts of other kinds do.
func pairOn(t *testing.T, curve elliptic.Curve) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// startByHand starts the process as a host in another language does, and returns the fields of its handshake.
func startByHand(t *testing.T, clientCert string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleEnv+"=plugin", "TMPDIR="+t.TempDir(), "PLUGIN_PROTOCOL_VERSIONS=1", "PLUGIN_CLIENT_CERT="+clientCert,
		plugin.Handshake.MagicCookieKey+"="+plugin.Handshake.MagicCookieValue, plugin.EnvLifeline+"=stdin")
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr syncBuffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		lifeline.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Logf("standard error: %s", stderr.String())
		return nil
	}
	return strings.Split(strings.TrimSpace(line), "|")
}

// health asks over a connection of its own.
func health(t *testing.T, socket string, secure credentials.TransportCredentials) error {
	t.Helper()
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(secure), grpc.WithAuthority("localhost"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	_, err = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "plugin"})
	return err
}

// A host's certificate decides the curve of the process's; nobody without the host's key gets in.
func TestCertificates(t *testing.T) {
	made, key, err := server.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := tls.X509KeyPair(made, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		host tls.Certificate
		want elliptic.Curve
	}{
		{"isac-plugin certificate", ours, elliptic.P256()},
		{"P-256", pairOn(t, elliptic.P256()), elliptic.P256()},
		{"P-384", pairOn(t, elliptic.P384()), elliptic.P256()},
		{"P-521, as go-plugin's hosts", pairOn(t, elliptic.P521()), elliptic.P521()},
	} {
		t.Run(test.name, func(t *testing.T) {
			fields := startByHand(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: test.host.Certificate[0]})))
			if len(fields) != 6 {
				t.Fatalf("handshake %q, expected six fields", fields)
			}
			der, err := base64.RawStdEncoding.DecodeString(fields[5])
			if err != nil {
				t.Fatal(err)
			}
			shown, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			if public, ok := shown.PublicKey.(*ecdsa.PublicKey); !ok || public.Curve != test.want {
				t.Errorf("the process's key is a %T, expected one on %s", shown.PublicKey, test.want.Params().Name)
			}
			authority := x509.NewCertPool()
			authority.AddCert(shown)
			with := func(own ...tls.Certificate) credentials.TransportCredentials {
				return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authority, Certificates: own, ServerName: "localhost"})
			}
			if err := health(t, fields[3], with(test.host)); err != nil {
				t.Errorf("the host itself: %v", err)
			}
			for name, secure := range map[string]credentials.TransportCredentials{
				"no certificate": with(), "a foreign certificate": with(pairOn(t, elliptic.P256())), "a plain connection": insecure.NewCredentials(),
			} {
				if err := health(t, fields[3], secure); err == nil {
					t.Errorf("%s got an answer", name)
				}
			}
		})
	}
	for _, broken := range []string{"nothing", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"} {
		if fields := startByHand(t, broken); fields != nil {
			t.Errorf("certificate %q: the process serves with %q, expected it to end", broken, fields)
		}
	}
}
