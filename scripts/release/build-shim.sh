#!/bin/sh
# Builds lib/libisactorch.so beside isac-plugin, against the libtorch of this machine. Needs make and a C++20 compiler (g++ 12 or later).
#   LIBTORCH=DIR ./build-shim.sh    a libtorch that was unpacked
#   PYTHON=EXE ./build-shim.sh      the torch inside a Python environment, such as ComfyUI's; default: python3's, if it has torch
#   ./build-shim.sh                 else Debian's libtorch-dev
set -eu
cd "$(dirname "$0")"
mkdir -p build/shim lib
exec make --no-print-directory -f isac/torch/shim/Makefile OUT=lib/libisactorch.so LIBTORCH="${LIBTORCH-}" PYTHON="${PYTHON-}"
