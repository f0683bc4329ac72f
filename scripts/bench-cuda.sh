#!/usr/bin/env bash
# Ours beside plain PyTorch on a GPU at the models' native sizes, within four minutes. It needs python3 with a torch for CUDA, and what
# `make bench-build` has put into build/bin elsewhere: no Go, no network. The shim is compiled against that torch where there is none yet
# (g++ and make). Plain PyTorch needs diffusers too: in python3, or in a folder that SITE names
# (pip install --target build/site --no-deps diffusers huggingface_hub safetensors …). Without it ours runs alone.
#
#   scripts/bench-cuda.sh
#   OUT=/somewhere CASES=sd1-512 DTYPE=float32 SITE=build/site scripts/bench-cuda.sh
#
# What it measured is in $OUT/cuda.json. At home: build/bin/isac-bench --from cuda.json   writes it into docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
OUT=${OUT:-out/bench}
SHIM=${SHIM:-build/lib-cuda/libisactorch.so}
export PYTHONPATH=${SITE:+$PWD/$SITE:}${PYTHONPATH:-}

for program in isac-bench isac-step isac-plugin; do
	if [ ! -x "build/bin/$program" ]; then
		echo "bench-cuda: build/bin/$program is not there: run make bench-build, on any machine of this kind" >&2
		exit 1
	fi
done
"$PYTHON" -c 'import torch; assert torch.cuda.is_available(), "this torch sees no GPU"'
if [ ! -e "$SHIM" ]; then
	make --no-print-directory shim PYTHON="$(command -v "$PYTHON")" SHIM_OUT="$SHIM"
fi
mkdir -p "$OUT"
exec build/bin/isac-bench --device cuda:0 --dtype "${DTYPE:-bfloat16}" --cases "${CASES:-sd1-512,sdxl-1024,sd3-1024}" \
	--rounds "${ROUNDS:-1}" --repeat 5 --budget "${BUDGET:-200s}" --python "$PYTHON" --shims "$SHIM" --models "${MODELS:-out/bench/models}" \
	--raw "$OUT/cuda.json" --document ""
