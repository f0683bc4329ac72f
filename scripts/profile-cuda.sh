#!/usr/bin/env bash
# Where a guided step goes on a GPU, in about two minutes: launches, waits, time of each part. It needs python3 with a torch for CUDA, and
# what `make bench-build` has put into build/bin elsewhere: no Go, no network. The shim is compiled against that torch where there is none.
#
#   OUT=/somewhere scripts/profile-cuda.sh
#   CASES=mini DEVICE=cpu DTYPE=float32 SHIM=build/lib/libisactorch.so scripts/profile-cuda.sh      tries the script where there is no GPU
#
# $OUT has a table for people and the same as JSON for each case and preset.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
DEVICE=${DEVICE:-cuda:0}
DTYPE=${DTYPE:-bfloat16}
OUT=${OUT:-out/profile}
SHIM=${SHIM:-build/lib-cuda/libisactorch.so}
MODELS=${MODELS:-out/bench/models}
CASES=${CASES:-mini,sd1-512}
PRESETS=${PRESETS:-typed,paper}
GRAPHS=${GRAPHS:-0,1} # without CUDA graphs, and with them
ONCE=${ONCE:-0,1}     # reading as a step goes along, and once

for program in isac-step isac-plugin; do
	if [ ! -x "build/bin/$program" ]; then
		echo "profile-cuda: build/bin/$program is not there: run make bench-build, on any machine of this kind" >&2
		exit 1
	fi
done
if [ ! -e "$SHIM" ]; then
	make --no-print-directory -f shim.mk shim PYTHON="$(command -v "$PYTHON")" SHIM_OUT="$SHIM"
fi
ISAC_TORCH_SHIM=$(realpath "$SHIM")
export ISAC_TORCH_SHIM
mkdir -p "$OUT" "$MODELS"

# Tests of graphs and of what else only a GPU can show, where they were built: go test -c -o build/bin/NAME.test ./isac/…
if [ "$DEVICE" != cpu ]; then
	for test in torch:isac/torch unet:isac/diffusion/denoiser/unet; do
		if [ -x "build/bin/${test%%:*}.test" ]; then
			(cd "${test#*:}" && "$OLDPWD/build/bin/${test%%:*}.test" -test.v -test.timeout 60s -test.run 'Graph|CUDA') >"$OUT/${test%%:*}-tests.txt" 2>&1 || true
			grep -E '^(---|ok|FAIL|PASS|panic)' "$OUT/${test%%:*}-tests.txt" || true
		fi
	done
fi

for name in ${CASES//,/ }; do
	case $name in
	mini) model=examples/mini/model pixels=0 ;;
	*-*) model=$MODELS/${name%-*} pixels=${name##*-} ;;
	*)
		echo "profile-cuda: no case is called $name: mini, or a family and pixels, as sd1-512, sdxl-1024, sd3-1024" >&2
		exit 1
		;;
	esac
	if [ ! -e "$model/model_index.json" ]; then
		build/bin/isac-plugin synth --family "${name%-*}" --layout folder --dtype fp16 --out "$model"
	fi
	inputs=$OUT/$name.safetensors
	build/bin/isac-step --model "$model" --write "$inputs" --pixels "$pixels"
	for preset in ${PRESETS//,/ }; do
		for graphs in ${GRAPHS//,/ }; do
			for once in ${ONCE//,/ }; do
				echo "== $name, $preset, graphs $graphs, read once $once"
				to=$OUT/$name-$preset-graphs$graphs-once$once
				# What goes wrong with one does not keep the others from being measured.
				ISAC_CUDA_GRAPHS=$graphs ISAC_READ_ONCE=$once build/bin/isac-step profile --model "$model" --inputs "$inputs" --device "$DEVICE" \
					--dtype "$DTYPE" --preset "$preset" --repeat "${REPEAT:-5}" --out "$to.json" 2>&1 | tee "$to.txt" || true
			done
		done
	done
	rm -f "$inputs"
done
