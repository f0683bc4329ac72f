// Package reach tells errors of a NATS that cannot be reached now from those that stay.
package reach

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
)

// Passing says of an error of a request that waiting may mend it: NATS, or who answers on it, is away or has just begun.
func Passing(err error) bool {
	for _, e := range []error{nats.ErrNoServers, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionReconnecting, nats.ErrDisconnected,
		nats.ErrReconnectBufExceeded, context.DeadlineExceeded} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
