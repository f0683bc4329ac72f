package server

import (
	"context"
	"fmt"
	"runtime/debug"

	"google.golang.org/grpc"

	"github.com/isac-guidance/isac/plugin"
)

// interceptors stand before every call of the process, go-plugin's own included. The first call begins to load libtorch:
// after the handshake, which must neither wait for it nor fail with it, and before the host's first wish. And a panic outside
// a node (those inside are the executor's) is an error of that call and not the end of everybody's handles.
func (s *Server) interceptors() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (answer any, err error) {
			s.library.load()
			defer s.recovered(info.FullMethod, &err)
			return handler(ctx, request)
		}),
		grpc.ChainStreamInterceptor(func(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
			s.library.load()
			defer s.recovered(info.FullMethod, &err)
			return handler(service, stream)
		}),
	}
}

// recovered, deferred, makes an error of a panic.
func (s *Server) recovered(method string, err *error) {
	if reason := recover(); reason != nil {
		s.options.Log.Error("panic in a call", "method", method, "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
		*err = &plugin.Error{Kind: plugin.KindInternal, Message: fmt.Sprintf("a fault of the plugin, its log has the stack: %v", reason)}
	}
}
