#!/usr/bin/env bash
# Writes isac_client/_pb/isac_pb2.py and .pyi, the messages of plugin/isac.proto in Python.
# The compiler is old on purpose: code made by protoc 21 runs on every protobuf from 4.21 on, code made by a newer one on none that is older
# than itself, and programs like ComfyUI have whichever protobuf their other packages asked for.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT

python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: grpcio-tools==1.49.1 'setuptools<81'
"$tools/venv/bin/python" -m grpc_tools.protoc -I "$here/../../plugin" \
    --python_out="$here/isac_client/_pb" --pyi_out="$here/isac_client/_pb" isac.proto
