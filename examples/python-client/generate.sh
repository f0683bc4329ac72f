#!/bin/sh
# Writes isac_pb2.py and isac_pb2_grpc.py, the contract in Python, beside this file or into the folder that is given.
# Needs grpcio-tools in $PYTHON (default python3).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
"${PYTHON:-python3}" -m grpc_tools.protoc -I "$here/../../plugin" --python_out="${1:-$here}" --grpc_python_out="${1:-$here}" isac.proto
