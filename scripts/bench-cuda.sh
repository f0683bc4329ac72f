#!/usr/bin/env bash
# Ours beside plain PyTorch on a GPU at the models' native sizes, within four minutes. It needs python3 with a torch for CUDA, and what
# `make bench-build` has put into build/bin elsewhere: no Go, no network. The shim is compiled against that torch where there is none yet
# (g++ and make). Plain PyTorch needs diffusers too: in python3, or in the archive that SITE names, which scripts/bench-site.sh has packed.
# Without it ours runs alone.
#
#   scripts/bench-cuda.sh
#   OUT=/somewhere CASES=sd1-512 DTYPE=float32 SITE=build/bench-site.tgz scripts/bench-cuda.sh
#
# What it measured is in $OUT/cuda.json. At home: build/bin/isac-bench --from cuda.json   writes it into docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
DEVICE=${DEVICE:-cuda:0} # cpu tries the script where there is no GPU: with CASES=mini
OUT=${OUT:-out/bench}
SHIM=${SHIM:-build/lib-cuda/libisactorch.so}
if [ -n "${SITE:-}" ]; then
	unpacked=$(mktemp -d)
	trap 'rm -rf "$unpacked"' EXIT
	tar xzf "$SITE" -C "$unpacked"
	export PYTHONPATH=$unpacked${PYTHONPATH:+:$PYTHONPATH}
fi

for program in isac-bench isac-step isac-plugin; do
	if [ ! -x "build/bin/$program" ]; then
		echo "bench-cuda: build/bin/$program is not there: run make bench-build, on any machine of this kind" >&2
		exit 1
	fi
done
if [ "$DEVICE" != cpu ]; then
	"$PYTHON" -c 'import torch; assert torch.cuda.is_available(), "this torch sees no GPU"'
fi
if [ ! -e "$SHIM" ]; then
	make --no-print-directory shim PYTHON="$(command -v "$PYTHON")" SHIM_OUT="$SHIM"
fi
mkdir -p "$OUT"
build/bin/isac-bench --device "$DEVICE" --dtype "${DTYPE:-bfloat16}" --cases "${CASES:-sd1-512,sdxl-1024,sd3-1024}" \
	--rounds "${ROUNDS:-1}" --repeat 5 --budget "${BUDGET:-200s}" --python "$PYTHON" --shims "$SHIM" --models "${MODELS:-out/bench/models}" \
	--raw "$OUT/cuda.json" --document ""
