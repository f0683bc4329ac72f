package server

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"
)

// certificateField is the place of the process's certificate in go-plugin's first line: base64 of its DER, without padding.
const certificateField = 5

// announce puts a certificate into the line with which go-plugin tells the host where it listens. go-plugin writes it there only where
// it made the certificate itself. The line is printed to os.Stdout, which is a pipe until go-plugin takes it; to is the real one.
func announce(to *os.File, certificate []byte) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("a pipe for the handshake: %w", err)
	}
	os.Stdout = w
	go func() {
		defer r.Close()
		lines := bufio.NewReader(r)
		line, err := lines.ReadString('\n')
		if err == nil {
			line = withCertificate(line, certificate)
		}
		// Whether the host hears it, it finds out itself: it waits for the line.
		_, _ = io.WriteString(to, line)
		// go-plugin prints nothing more, and gives os.Stdout another pipe.
		_, _ = io.Copy(to, lines)
	}()
	return nil
}

// withCertificate is go-plugin's first line with a certificate in its place.
func withCertificate(line string, certificate []byte) string {
	fields := strings.Split(strings.TrimRight(line, "\r\n"), "|")
	if len(fields) <= certificateField {
		return line
	}
	fields[certificateField] = base64.RawStdEncoding.EncodeToString(certificate)
	return strings.Join(fields, "|") + "\n"
}
