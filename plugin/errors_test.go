package plugin

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestErrorSurvivesTheWire(t *testing.T) {
	for kind, known := range kinds {
		sent := &Error{Kind: kind, Message: "input \"steps\": given -1, expected 1 to 10000", NodeID: "3", Class: "KSampler", Inputs: []string{"steps", "cfg"}}
		over := status.FromProto(sent.GRPCStatus().Proto())
		if over.Code() != known.code {
			t.Errorf("%s: status %s, expected %s", kind, over.Code(), known.code)
		}
		var got *Error
		if !errors.As(fromStatus("execute", over.Err()), &got) {
			t.Fatalf("%s: came back as %v", kind, fromStatus("execute", over.Err()))
		}
		if got.Kind != kind || got.Message != sent.Message || got.NodeID != "3" || got.Class != "KSampler" || !reflect.DeepEqual(got.Inputs, sent.Inputs) {
			t.Errorf("%s: came back as %+v", kind, got)
		}
		if errors.Is(got, context.Canceled) != (kind == KindCancelled) {
			t.Errorf("%s: errors.Is(err, context.Canceled) = %v", kind, errors.Is(got, context.Canceled))
		}
		if want := "node 3 (KSampler): " + sent.Message; got.Error() != want {
			t.Errorf("%s: %q, expected %q", kind, got.Error(), want)
		}
	}
}

// A status is a header of HTTP/2, whose size is bounded, and its strings must be UTF-8.
func TestErrorFitsIntoAHeader(t *testing.T) {
	state := (&Error{Kind: KindInternal, Message: "bad byte \xff " + strings.Repeat("é", 1<<20)}).GRPCStatus()
	if n := len(state.Message()); n > 5<<10 {
		t.Errorf("the message has %d bytes", n)
	}
	if len(state.Details()) != 1 {
		t.Errorf("%d details, expected one", len(state.Details()))
	}
	if !strings.HasPrefix(state.Message(), "bad byte \uFFFD é") || !strings.HasSuffix(state.Message(), "é …") {
		t.Errorf("shortened to %.20q … %q", state.Message(), state.Message()[len(state.Message())-8:])
	}
}

func TestErrorsThatAreNotTheServices(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		is   error
		kind Kind
		says string
	}{
		{name: "cancelled by this side", err: status.Error(codes.Canceled, "context canceled"), is: context.Canceled, kind: KindCancelled, says: "cancelled"},
		{name: "late", err: status.Error(codes.DeadlineExceeded, "late"), is: context.DeadlineExceeded, says: "stats: context deadline exceeded"},
		{name: "too large", err: status.Error(codes.ResourceExhausted, "grpc: received message larger than max"), kind: KindInvalidInput, says: "256 MiB"},
		{name: "lost", err: status.Error(codes.Unavailable, "EOF"), says: "stats: "},
		{name: "no status", err: errors.New("the stream ended"), says: "stats: the stream ended"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := fromStatus("stats", test.err)
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v is not %v", err, test.is)
			}
			var own *Error
			if errors.As(err, &own); own != nil && own.Kind != test.kind || own == nil && test.kind != 0 {
				t.Errorf("%#v, expected kind %s", own, test.kind)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q does not say %q", err, test.says)
			}
		})
	}
}
