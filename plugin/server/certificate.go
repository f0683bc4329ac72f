package server

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"time"
)

// envClientCert is where go-plugin's hosts put the certificate that they will show, in PEM.
const envClientCert = "PLUGIN_CLIENT_CERT"

// lifetime is how long a certificate of one host and its process is good: longer than any of the two runs.
const lifetime = 10 * 365 * 24 * time.Hour

// NewCertificate makes a certificate that signs itself and its key, in PEM, for the connection of one host with the process that it
// starts: for "localhost", with a key on the curve P-256, to be shown by either side.
func NewCertificate() (certificate, key []byte, err error) {
	fail := func(err error) ([]byte, []byte, error) { return nil, nil, fmt.Errorf("make a certificate: %w", err) }
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return fail(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "localhost", Organization: []string{"isac-plugin"}},
		DNSNames:     []string{"localhost"},
		// Before now: the other side's clock may have been set back a little since.
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
		// The other side's only authority is this certificate itself.
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return fail(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fail(err)
	}
	var c, k bytes.Buffer
	if err := errors.Join(pem.Encode(&c, &pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.Encode(&k, &pem.Block{Type: "PRIVATE KEY", Bytes: secret})); err != nil {
		return fail(err)
	}
	return c.Bytes(), k.Bytes(), nil
}

// hostIdentity is the security of the connection to the host, with the certificate that the host has to be told. It is nil where
// go-plugin looks after that: no certificate of the host, or one with a key on P-521, as go-plugin's own hosts make them and get one back.
// Many TLS libraries refuse that curve, BoringSSL in Python's and other languages' gRPC among them: who shows another key gets P-256.
func hostIdentity() (*tls.Config, []byte, error) {
	shown := os.Getenv(envClientCert)
	if shown == "" {
		return nil, nil, nil
	}
	block, _ := pem.Decode([]byte(shown))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, nil, fmt.Errorf("%s holds no certificate in PEM: the host has to put the one there that it shows", envClientCert)
	}
	host, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", envClientCert, err)
	}
	if key, ok := host.PublicKey.(*ecdsa.PublicKey); ok && key.Curve == elliptic.P521() {
		return nil, nil, nil
	}
	certificate, key, err := NewCertificate()
	if err != nil {
		return nil, nil, err
	}
	own, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, nil, fmt.Errorf("the certificate that was made: %w", err)
	}
	hosts := x509.NewCertPool()
	hosts.AddCert(host)
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: hosts,
	}, own.Certificate[0], nil
}
