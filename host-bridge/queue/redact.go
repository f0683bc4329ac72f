package queue

import (
	"fmt"
	"strings"
)

// redact takes tokens and passwords out of URLs, for logs and errors.
func redact(urls string) string {
	list := strings.Split(urls, ",")
	for i, u := range list {
		scheme, rest, ok := strings.Cut(u, "://")
		if !ok {
			scheme, rest = "", u
		}
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			rest = "***" + rest[at:]
		}
		if ok {
			rest = scheme + "://" + rest
		}
		list[i] = rest
	}
	return strings.Join(list, ",")
}

// redacted is an error that may name URLs in full.
type redacted struct {
	error
	urls string
}

// unreachable says that NATS cannot be reached, without telling what opens it.
func unreachable(urls string, err error) error {
	return fmt.Errorf("connect to nats at %s: %w", redact(urls), &redacted{err, urls})
}

func (e *redacted) Error() string {
	text := e.error.Error()
	for u := range strings.SplitSeq(e.urls, ",") {
		text = strings.ReplaceAll(text, strings.TrimSpace(u), redact(u))
	}
	return text
}

// Unwrap gives the error itself.
func (e *redacted) Unwrap() error { return e.error }
