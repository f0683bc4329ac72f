// Package plugin is what a host needs to start isac-plugin and to speak with it: the handshake, the contract's types as
// plain Go, and a client that looks after the process. It uses neither cgo nor libtorch, and builds with CGO_ENABLED=0.
//
// A host that is not written in Go needs isac.proto and the three facts of this file: the cookie, the protocol
// versions, and the size that messages may have.
package plugin

import (
	"context"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/isac-guidance/isac/plugin/isacpb"
)

const (
	// ProtocolVersion is the version of the contract that this package speaks: isac.v1.
	ProtocolVersion = 1
	// NodesName is the name under which go-plugin dispenses the Nodes service.
	NodesName = "nodes"
	// GuidanceName is the name under which go-plugin dispenses the Guidance service.
	GuidanceName = "guidance"
	// MaxMessageBytes is the largest message that either side takes. gRPC's own limit, 4 MiB, is less than one batch of images.
	MaxMessageBytes = 256 << 20
)

// Handshake is what tells a plugin process that a host started it. It guards against mistakes, it is no secret.
var Handshake = goplugin.HandshakeConfig{
	ProtocolVersion:  ProtocolVersion,
	MagicCookieKey:   "ISAC_PLUGIN_COOKIE",
	MagicCookieValue: "d55dda7dbdce75cc55f948a86770ceab",
}

// Environment variables that a host may set for the process, beside go-plugin's own.
const (
	// EnvLifeline set to "stdin" says that standard input is a pipe whose other end the host holds and never writes to: the
	// process ends when it closes, which the kernel does however the host dies.
	EnvLifeline = "ISAC_LIFELINE"
	// EnvPrivateDir names a directory that only this host and this process use; whoever survives the other removes it with
	// all that is in it. It has to hold a file of the name LockName, as a proof that it was made for that.
	EnvPrivateDir = "ISAC_PRIVATE_DIR"
	// EnvModels lists directories of models, separated as PATH is.
	EnvModels = "ISAC_MODELS"
	// EnvLoRAs lists directories of LoRAs, separated as PATH is, beside the folders "loras" in directories of models.
	EnvLoRAs = "ISAC_LORAS"
	// EnvDType is what models compute in: "auto", "float32", "float16", "bfloat16".
	EnvDType = "ISAC_DTYPE"
	// EnvCheckpointing says whether guided steps take gradient checkpoints: "auto", "on", "off".
	EnvCheckpointing = "ISAC_CHECKPOINTING"
	// EnvVAETiling says whether pictures go through the autoencoder in tiles: "auto", "on", "off".
	EnvVAETiling = "ISAC_VAE_TILING"
	// EnvTextOffload says whether text encoders leave the device while a model denoises: "auto", "always", "never".
	EnvTextOffload = "ISAC_TEXT_OFFLOAD"
	// EnvDevice is the device that models run on: "cpu", "cuda:0".
	EnvDevice = "ISAC_DEVICE"
	// EnvMaxMemory bounds what models and runs together take on the device, as Bytes reads it: "8GiB".
	EnvMaxMemory = "ISAC_MAX_MEMORY"
)

// Protocols lists the protocol versions that this package speaks, rising.
func Protocols() []int { return []int{ProtocolVersion} }

// Versions is go-plugin's table of what is served and dispensed under each protocol version. The process passes the
// services that it offers, a host passes nil.
func Versions(nodes isacpb.NodesServer, guidance ...isacpb.GuidanceServer) map[int]goplugin.PluginSet {
	guide := &GuidancePlugin{}
	if len(guidance) > 0 {
		guide.Service = guidance[0]
	}
	return map[int]goplugin.PluginSet{
		ProtocolVersion: {NodesName: &NodesPlugin{Service: nodes}, GuidanceName: guide},
	}
}

// NodesPlugin makes go-plugin serve and dispense the Nodes service.
type NodesPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
	// Service is what a process serves; a host leaves it nil.
	Service isacpb.NodesServer
}

// GRPCServer registers the service.
func (p *NodesPlugin) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	isacpb.RegisterNodesServer(s, p.Service)
	return nil
}

// GRPCClient dispenses a *Nodes.
func (p *NodesPlugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewNodes(conn), nil
}

// GuidancePlugin makes go-plugin serve and dispense the Guidance service.
type GuidancePlugin struct {
	goplugin.NetRPCUnsupportedPlugin
	// Service is what a process serves; a host leaves it nil, and so does a process without guidance.
	Service isacpb.GuidanceServer
}

// GRPCServer registers the service, if there is one.
func (p *GuidancePlugin) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	if p.Service != nil {
		isacpb.RegisterGuidanceServer(s, p.Service)
	}
	return nil
}

// GRPCClient dispenses a *Guidance.
func (p *GuidancePlugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewGuidance(conn), nil
}

// GRPCServer makes a gRPC server with this contract's message limits; go-plugin passes the options of its TLS.
func GRPCServer(opts []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(opts, grpc.MaxRecvMsgSize(MaxMessageBytes), grpc.MaxSendMsgSize(MaxMessageBytes))...)
}

// DialOptions are the options that a client's connection needs.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithDefaultCallOptions(
		grpc.MaxCallRecvMsgSize(MaxMessageBytes), grpc.MaxCallSendMsgSize(MaxMessageBytes))}
}
