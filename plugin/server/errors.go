package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/go-hclog"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes/schema"
	"github.com/isac-guidance/isac/plugin"
)

func invalid(inputs []string, format string, args ...any) *plugin.Error {
	return &plugin.Error{Kind: plugin.KindInvalidInput, Message: fmt.Sprintf(format, args...), Inputs: inputs}
}

// classify gives an error of a node its kind.
func classify(err error) *plugin.Error {
	if own := (*plugin.Error)(nil); errors.As(err, &own) {
		return own
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &plugin.Error{Kind: plugin.KindCancelled, Message: err.Error()}
	}
	if mistakes := (schema.Mistakes)(nil); errors.As(err, &mistakes) {
		var names []string
		for _, m := range mistakes {
			names = append(names, m.Input)
		}
		return invalid(names, "%v", err)
	}
	// What other nodes hold may be in the way: then giving it back helps, and the host does that.
	if short := (*diffusion.MemoryError)(nil); errors.As(err, &short) && short.Fits() {
		return &plugin.Error{Kind: plugin.KindOutOfMemory, Message: err.Error()}
	}
	if torch.IsOutOfMemory(err) {
		return &plugin.Error{Kind: plugin.KindOutOfMemory, Message: err.Error()}
	}
	if panicked := (*torch.PanicError)(nil); errors.As(err, &panicked) {
		return &plugin.Error{Kind: plugin.KindInternal, Message: fmt.Sprintf("a fault of the plugin, its log has the stack: %v", panicked.Value)}
	}
	if native := (*torch.Error)(nil); errors.As(err, &native) {
		return &plugin.Error{Kind: plugin.KindInternal, Message: err.Error()}
	}
	return &plugin.Error{Kind: plugin.KindFailed, Message: err.Error()}
}

// report logs an error of a call, and gives it its kind.
func (s *Server) report(err error, log hclog.Logger) *plugin.Error {
	failure := classify(err)
	log.Info("call failed", "kind", failure.Kind.String(), "error", failure.Message)
	if panicked := (*torch.PanicError)(nil); errors.As(err, &panicked) {
		log.Error("panic in a call", "panic", fmt.Sprint(panicked.Value), "stack", panicked.Stack)
	}
	if native := (*torch.Error)(nil); errors.As(err, &native) {
		log.Error("libtorch refused", "op", native.Op, "at", native.Where, "stack", native.Stack)
	}
	if torch.IsFatal(err) && s.options.Fatal != nil {
		s.options.Fatal(err)
	}
	return failure
}
