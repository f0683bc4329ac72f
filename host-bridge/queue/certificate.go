package queue

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2/maybe"
	"github.com/nats-io/nats.go"
)

// ErrCertificate: who answers is not the server that the worker's URL names.
var ErrCertificate = errors.New("the server's certificate is not the one that the worker's URL names: take the URL from nats.url of the data folder again")

// pinned is the part of a URL's query that names the server's certificate by its SHA-256.
const pinned = "sha256"

// ownCertificate is made at the first start, for itself alone, and kept in the data folder in nats.pem: workers know it by its
// SHA-256, which stands in their URL, and need no authority. Who removes the file gets another one.
func ownCertificate(data string) (certificate tls.Certificate, pin string, err error) {
	path := filepath.Join(data, "nats.pem")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if text, err = newCertificate(time.Now()); err == nil {
			err = maybe.WriteFile(path, text, 0o600)
		}
	}
	if err == nil {
		certificate, err = tls.X509KeyPair(text, text)
	}
	if err != nil {
		return certificate, "", fmt.Errorf("certificate for workers, %s: %w", path, err)
	}
	return certificate, pinOf(certificate.Certificate[0]), nil
}

func pinOf(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// newCertificate gives a certificate and its key as PEM. It holds until somebody replaces it: a pin has no use for an end.
func newCertificate(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "isac-host"}, DNSNames: []string{"isac-host"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(100, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

// pins takes the certificates that URLs name out of them: plain is for nats.Connect, with the options that hold a server to one of
// these certificates. URLs without stay as they are, and their servers are known as always: by the authorities of the system.
func pins(urls string) (plain string, options []nats.Option, err error) {
	list, allowed, named := strings.Split(urls, ","), map[string]bool{}, 0
	for i, one := range list {
		before, query, ok := strings.Cut(strings.TrimSpace(one), "?")
		if !ok {
			continue
		}
		values, err := url.ParseQuery(query)
		pin := strings.ToLower(values.Get(pinned))
		if sum, wrong := hex.DecodeString(pin); err != nil || wrong != nil || len(sum) != sha256.Size || !strings.HasPrefix(before, "tls://") {
			return "", nil, fmt.Errorf("url of nats %q: after ? it may have %s=, 64 hexadecimal digits, where it begins with tls://", redact(one), pinned)
		}
		allowed[pin], list[i] = true, before
		named++
	}
	if named == 0 {
		return urls, nil, nil
	}
	if named < len(list) {
		return "", nil, fmt.Errorf("urls of nats: either each or none names a certificate (?%s=)", pinned)
	}
	return strings.Join(list, ","), []nats.Option{nats.Secure(&tls.Config{
		MinVersion: tls.VersionTLS13,
		// Neither a name nor an authority is asked for: the certificate itself is known.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if !allowed[pinOf(state.PeerCertificates[0].Raw)] {
				return ErrCertificate
			}
			return nil
		},
	})}, nil
}
