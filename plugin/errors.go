package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/isac-guidance/isac/plugin/isacpb"
)

// Kind says who has to do something about an error.
type Kind int

// The kinds, in the order of isac.proto.
const (
	// KindInvalidInput: the request is wrong.
	KindInvalidInput = Kind(isacpb.Kind_KIND_INVALID_INPUT)
	// KindUnknownHandle: a handle was released, or belongs to a process that is gone. Run the node that made it again.
	KindUnknownHandle = Kind(isacpb.Kind_KIND_UNKNOWN_HANDLE)
	// KindCancelled: the call was cancelled.
	KindCancelled = Kind(isacpb.Kind_KIND_CANCELLED)
	// KindOutOfMemory: the device's memory does not suffice.
	KindOutOfMemory = Kind(isacpb.Kind_KIND_OUT_OF_MEMORY)
	// KindUnavailable: libtorch is missing or broken on this machine.
	KindUnavailable = Kind(isacpb.Kind_KIND_UNAVAILABLE)
	// KindInternal: a fault of the plugin; its log says more.
	KindInternal = Kind(isacpb.Kind_KIND_INTERNAL)
	// KindFailed: the node could not do what was asked, such as read a broken file.
	KindFailed = Kind(isacpb.Kind_KIND_FAILED)
	// KindOutOfOrder: the request does not fit what a guidance stream has open, such as a step before open.
	KindOutOfOrder = Kind(isacpb.Kind_KIND_OUT_OF_ORDER)
)

// kinds holds each kind's words and its gRPC status code.
var kinds = map[Kind]struct {
	text string
	code codes.Code
}{
	KindInvalidInput:  {"invalid input", codes.InvalidArgument},
	KindUnknownHandle: {"unknown handle", codes.NotFound},
	KindCancelled:     {"cancelled", codes.Canceled},
	KindOutOfMemory:   {"out of memory", codes.ResourceExhausted},
	KindUnavailable:   {"unavailable", codes.FailedPrecondition},
	KindInternal:      {"internal", codes.Internal},
	KindFailed:        {"failed", codes.FailedPrecondition},
	KindOutOfOrder:    {"out of order", codes.FailedPrecondition},
}

// String is the kind in words.
func (k Kind) String() string {
	if known, ok := kinds[k]; ok {
		return known.text
	}
	return fmt.Sprintf("kind %d", int(k))
}

// Error is what a failed call returns. errors.Is(err, context.Canceled) holds for KindCancelled.
type Error struct {
	Kind Kind
	// Message is the sentence to show.
	Message string
	// NodeID and Class say which node failed; empty outside Execute.
	NodeID, Class string
	// Inputs names the inputs that are wrong, where the node knows.
	Inputs []string
	cause  error
}

// Error is the sentence, with the node before it.
func (e *Error) Error() string {
	if e.Class == "" {
		return e.Message
	}
	return fmt.Sprintf("node %s (%s): %s", e.NodeID, e.Class, e.Message)
}

// Unwrap returns what caused the error on this side of the connection.
func (e *Error) Unwrap() error { return e.cause }

// Is makes a cancelled call equal context.Canceled.
func (e *Error) Is(target error) bool {
	return e.Kind == KindCancelled && target == context.Canceled
}

// GRPCStatus is the error as a gRPC status whose details hold an isac.v1.Error; grpc calls it for a handler's error.
func (e *Error) GRPCStatus() *status.Status {
	detail := e.ToProto()
	plain := status.New(codes.Code(detail.Code), detail.Message)
	detail.Code = 0 // the status has it
	detailed, err := plain.WithDetails(detail)
	if err != nil {
		return plain
	}
	return detailed
}

// ToProto is the error as an answer on a stream.
func (e *Error) ToProto() *isacpb.Error {
	code := codes.Internal
	if known, ok := kinds[e.Kind]; ok {
		code = known.code
	}
	// A status travels in an HTTP/2 header: a stack or a dump in the sentence would make the peer drop the connection.
	message := shorten(strings.ToValidUTF8(e.Message, "\uFFFD"), 4<<10)
	return &isacpb.Error{Kind: isacpb.Kind(e.Kind), Message: message, NodeId: e.NodeID, ClassType: e.Class, Inputs: e.Inputs, Code: int32(code)}
}

func errorFromProto(e *isacpb.Error, cause error) *Error {
	return &Error{Kind: Kind(e.Kind), Message: e.Message, NodeID: e.NodeId, Class: e.ClassType, Inputs: e.Inputs, cause: cause}
}

func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + " …"
}

// fromStatus turns what a gRPC call returned into an *Error; errors that are not the service's own (a lost connection)
// come back wrapped, with what was asked.
func fromStatus(doing string, err error) error {
	state, ok := status.FromError(err)
	if !ok {
		return fmt.Errorf("%s: %w", doing, err)
	}
	for _, detail := range state.Details() {
		if e, ok := detail.(*isacpb.Error); ok {
			return errorFromProto(e, err)
		}
	}
	switch state.Code() {
	case codes.Canceled:
		return &Error{Kind: KindCancelled, Message: "cancelled", cause: err}
	case codes.DeadlineExceeded:
		return fmt.Errorf("%s: %w", doing, errors.Join(context.DeadlineExceeded, err))
	case codes.ResourceExhausted:
		// Without a detail it is grpc's own: a message beyond the limit.
		return &Error{Kind: KindInvalidInput, Message: fmt.Sprintf("%s: %s (a message may be %d MiB)", doing, state.Message(), MaxMessageBytes>>20), cause: err}
	}
	return fmt.Errorf("%s: %w", doing, err)
}
