#!/usr/bin/env bash
# Packs what plain PyTorch needs beside torch and numpy, diffusers and what it imports, out of the environment of the reference
# implementations (make deps-ref): for scripts/bench-cuda.sh on a machine that has torch alone. The other Python has to be of the same
# version, 3.11 for 3.11.
#
#   scripts/bench-site.sh .venv-ref/bin/python build/bench-site.tgz
set -euo pipefail

python=${1:?give the python of the environment} out=$(realpath -m "${2:?give the archive to write}")
site=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
mkdir -p "$(dirname "$out")"
cd "$site"
names=()
for name in diffusers huggingface_hub hf_xet safetensors filelock packaging yaml pyyaml PyYAML tqdm regex requests urllib3 certifi charset_normalizer idna PIL \
	pillow Pillow pillow.libs importlib_metadata zipp httpx httpx2 httpcore httpcore2 h11 anyio sniffio truststore typer click shellingham rich fsspec; do
	for part in "$name" "$name.py" "$name"-[0-9]*.dist-info; do # imports read the versions of what is installed
		if [ -e "$part" ]; then
			names+=("$part")
		fi
	done
done
tar czf "$out" --exclude=__pycache__ "${names[@]}"
echo "$out: $(du -m "$out" | cut -f1) MiB"
