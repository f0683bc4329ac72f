package main

import (
	"os"

	"github.com/isac-guidance/isac/plugin/server"
)

// pair is the command certificate.
type pair struct{}

// Run prints a certificate and its key. They are new each time and are kept nowhere: a host reads them from a pipe.
func (pair) Run() error {
	certificate, key, err := server.NewCertificate()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(certificate, key...))
	return err
}
