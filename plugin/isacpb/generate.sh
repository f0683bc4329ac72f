#!/bin/sh
# Writes isac.pb.go and isac_grpc.pb.go from ../isac.proto. Needs Go and python3 with venv: protoc comes with grpcio-tools, and all
# three programs are fetched in the versions below, so that everybody's output is the same. PROTOC names another protoc.
set -eu
cd "$(dirname "$0")"
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
GOBIN="$bin" go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
GOBIN="$bin" go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
if [ -z "${PROTOC:-}" ]; then
	python3 -m venv "$bin/venv"
	"$bin/venv/bin/pip" install -q --disable-pip-version-check grpcio-tools==1.85.1
	PROTOC="$bin/venv/bin/python -m grpc_tools.protoc"
fi
# Unquoted: the two words of a Python module, or one path.
# shellcheck disable=SC2086
$PROTOC --plugin="$bin/protoc-gen-go" --plugin="$bin/protoc-gen-go-grpc" -I .. \
	--go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative \
	isac.proto
