package comfyapi

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// certify writes a certificate for 127.0.0.1 that signs itself, and gives the clients' trust in it.
func certify(t *testing.T, cert, key string, serial int64, until time.Time) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	text, err := x509.CreateCertificate(rand.Reader, about, about, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: text})
	writeFile(t, cert, string(certPEM))
	writeFile(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return pool
}

// TestTLS: the server speaks HTTPS and nothing else, for requests and sockets, and takes a renewed certificate.
func TestTLS(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	pool := certify(t, cert, key, 1, time.Now().Add(24*time.Hour))
	s, err := New(Config{Listen: "127.0.0.1:0", Token: token, TLSCert: cert, TLSKey: key}, newMemory(testNodes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	if !strings.HasPrefix(s.PageURL(), "https://127.0.0.1:") {
		t.Fatalf("the page is at %s", s.PageURL())
	}
	get := func(trust *x509.CertPool, origin string) (*http.Response, error) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}, DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		r, err := http.NewRequest("GET", s.PageURL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		answer, err := client.Do(r)
		if err == nil {
			answer.Body.Close()
		}
		return answer, err
	}
	answer, err := get(pool, strings.TrimSuffix(s.URL(), "/"))
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := http.ParseSetCookie(answer.Header.Get("Set-Cookie"))
	if answer.StatusCode != http.StatusSeeOther || err != nil || !cookie.Secure {
		t.Errorf("%s with cookie %v, %v; it has to be a secure one", answer.Status, cookie, err)
	}
	// A page of plain HTTP under the same name is another site.
	if answer, err := get(pool, strings.Replace(strings.TrimSuffix(s.URL(), "/"), "https", "http", 1)); err != nil || answer.StatusCode != http.StatusForbidden {
		t.Errorf("from a page of plain HTTP: %v %v", answer, err)
	}
	if status, _, text := call(t, "GET", strings.Replace(s.URL(), "https", "http", 1), ""); status != http.StatusBadRequest || !strings.Contains(text, "HTTPS") {
		t.Errorf("plain HTTP: %d %s", status, text)
	}
	if conn, err := tls.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.URL(), "https://"), "/"), &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}); err == nil {
		conn.Close()
		t.Error("TLS 1.1 was taken")
	}
	dialer := &websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: pool}}
	conn, _, err := dialer.Dial(strings.Replace(s.URL(), "https", "wss", 1)+"ws", http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		t.Fatalf("a socket: %v", err)
	}
	if _, text, err := conn.ReadMessage(); err != nil || !strings.Contains(string(text), "status") {
		t.Errorf("the socket says %s, %v", text, err)
	}
	conn.Close()

	// A key that does not belong to the certificate yet: the old pair stays; then the new one serves.
	other := filepath.Join(t.TempDir(), "other.pem")
	certify(t, other, key, 2, time.Now().Add(24*time.Hour))
	if _, err := get(pool, ""); err != nil {
		t.Errorf("with a half renewed certificate: %v", err)
	}
	renewed := certify(t, cert, key, 3, time.Now().Add(48*time.Hour))
	if answer, err := get(renewed, ""); err != nil || answer.TLS.PeerCertificates[0].SerialNumber.Int64() != 3 {
		t.Errorf("with a renewed certificate: %v", err)
	}
	if _, err := get(pool, ""); err == nil {
		t.Error("the old certificate still serves")
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// TestCertificateIsChecked: what cannot serve does not start.
func TestCertificateIsChecked(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	certify(t, at("good"), at("key"), 1, time.Now().Add(time.Hour))
	certify(t, at("other"), at("otherkey"), 2, time.Now().Add(time.Hour))
	certify(t, at("old"), at("oldkey"), 3, time.Now().Add(-time.Hour))
	writeFile(t, at("text"), "no PEM")
	for _, row := range []struct{ cert, key, want string }{
		{"good", "key", ""},
		{"good", "", "give both"},
		{"", "key", "give both"},
		{"good", "otherkey", "belong together"},
		{"key", "good", "belong together"},
		{"text", "key", "belong together"},
		{"good", "nowhere", "no such file"},
		{"old", "oldkey", "expired"},
	} {
		config := Config{}
		if row.cert != "" {
			config.TLSCert = at(row.cert)
		}
		if row.key != "" {
			config.TLSKey = at(row.key)
		}
		if _, err := New(config, newMemory(nil)); row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%+v: %v, want %q", row, err, row.want)
		}
	}
}
