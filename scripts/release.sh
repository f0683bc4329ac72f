#!/usr/bin/env bash
# Writes a release into a folder, and tries one out.
#   scripts/release.sh DIST           archives, Python packages and SHA256SUMS, from the commit that is checked out
#   scripts/release.sh --check DIST   unpacks them in a fresh folder, builds the shim, runs doctor, a workflow and the Python client
# `make release` has built before what this takes: the editor page and build/THIRD_PARTY_LICENCES. The same commit, tools and machine give
# the same bytes. isac-plugin is for the machine that it is built on (it needs cgo); isac-host is built for both architectures.
set -euo pipefail
cd "$(dirname "$0")/.."

GO=${GO:-go}
VERSION=${VERSION:-$(git describe --tags --always --dirty)}
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
ARCH=$($GO env GOARCH)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# pack makes an archive of a folder of $WORK: names in order, the commit's time, nobody's files.
pack() {
    tar -C "$WORK" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu -cf - "$1" | gzip -n -9 >"$2"
    echo "release: $2"
}

compile() { # what, output, more of go build's environment
    env "${@:3}" "$GO" build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$VERSION" -o "$2" "$1"
}

# tracked copies what git knows of files and folders, under their paths.
tracked() { # into, paths
    mkdir -p "$1"
    git archive HEAD "${@:2}" | tar -x -C "$1"
}

host() {
    local name
    for arch in amd64 arm64; do
        name=isac-host-$VERSION-linux-$arch
        mkdir "$WORK/$name"
        compile ./host-bridge/isac-host "$WORK/$name/isac-host" CGO_ENABLED=0 GOOS=linux GOARCH=$arch
        cp LICENSE build/THIRD_PARTY_LICENCES docs/serve.md "$WORK/$name"
        pack "$name" "$dist/$name.tar.gz"
    done
}

plugin() {
    local name=isac-plugin-$VERSION-linux-$ARCH
    mkdir "$WORK/$name"
    compile ./plugin/isac-plugin "$WORK/$name/isac-plugin" CGO_ENABLED=1
    tracked "$WORK/$name" isac/torch/shim isac/torch/*.h
    cp scripts/release/build-shim.sh "$WORK/$name/build-shim.sh"
    cp LICENSE build/THIRD_PARTY_LICENCES scripts/release/README.md docs/plugin.md plugin/isac.proto "$WORK/$name"
    pack "$name" "$dist/$name.tar.gz"
}

mini() {
    local name=isac-mini-model-$VERSION
    tracked "$WORK/tree" examples/mini
    mkdir "$WORK/$name"
    mv "$WORK/tree/examples/mini/model" "$WORK/$name/mini"
    cp LICENSE examples/mini/artwork/LICENSES.md "$WORK/$name"
    pack "$name" "$dist/$name.tar.gz"
}

python_packages() {
    local name
    tracked "$WORK/tree" host-bridge/python
    python3 -m venv "$WORK/venv"
    "$WORK/venv/bin/pip" install -q --disable-pip-version-check build==1.6.1 setuptools==84.2.1 wheel
    "$WORK/venv/bin/python" -m build -n -o "$WORK/python" "$WORK/tree/host-bridge/python" >/dev/null
    cp "$WORK"/python/*.whl "$dist"
    # setuptools writes the hour into a source package.
    name=$(basename "$WORK"/python/*.tar.gz .tar.gz)
    tar -xzf "$WORK/python/$name.tar.gz" -C "$WORK"
    pack "$name" "$dist/$name.tar.gz"
}

comfyui() {
    [ -d host-bridge/comfyui ] || return 0
    tracked "$WORK/tree" host-bridge/comfyui
    rm -rf "$WORK/tree/host-bridge/comfyui/tests"
    python3 scripts/release/zip.py "$WORK/tree/host-bridge/comfyui" isac-comfyui "$dist/isac-comfyui-$VERSION.zip"
    echo "release: $dist/isac-comfyui-$VERSION.zip"
}

write() {
    dist=$1
    [ -e build/THIRD_PARTY_LICENCES ] || { echo "release: build/THIRD_PARTY_LICENCES is not there: run make release" >&2; exit 1; }
    [ -e host-bridge/web/dist/index.html ] || { echo "release: the editor page is not there: run make release" >&2; exit 1; }
    case $VERSION in *-dirty) echo "release: there are changes that are not committed; programs have them, other files have not" >&2 ;; esac
    rm -rf "$dist"
    mkdir -p "$dist"
    host
    plugin
    mini
    python_packages
    comfyui
    cp build/THIRD_PARTY_LICENCES "$dist"
    (cd "$dist" && find . -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs sha256sum >"$WORK/sums" && mv "$WORK/sums" SHA256SUMS)
}

check() {
    local dist here host plugin sum
    dist=$(cd "$1" && pwd)
    here=$PWD
    (cd "$dist" && sha256sum --quiet -c SHA256SUMS)
    for archive in "$dist"/isac-{host,plugin}-*-linux-"$ARCH".tar.gz "$dist"/isac-mini-model-*.tar.gz; do
        tar -xzf "$archive" -C "$WORK"
    done
    host=$(echo "$WORK"/isac-host-*/isac-host) plugin=$(echo "$WORK"/isac-plugin-*/isac-plugin)
    cd "$WORK"
    "$(dirname "$plugin")/build-shim.sh"
    "$plugin" doctor --models "$(echo "$WORK"/isac-mini-model-*)"
    "$host" run "$here/examples/workflows/two-cats-and-a-dog.json" --plugin "$plugin" --models "$(echo "$WORK"/isac-mini-model-*)" --out "$WORK/out"
    [ -n "$(find "$WORK/out" -name '*.png')" ] || { echo "release: the workflow wrote no picture" >&2; exit 1; }
    python3 -m venv "$WORK/venv"
    "$WORK/venv/bin/pip" install -q --disable-pip-version-check "$dist"/isac_client-*.whl
    sum=$(sha256sum "$plugin" | cut -d' ' -f1)
    "$WORK/venv/bin/python" - "$plugin" "$sum" "$WORK"/isac-mini-model-* <<'PYTHON'
import sys

import isac_client

program, sha256, models = sys.argv[1:]
with isac_client.start(program, sha256=sha256, models=[models]) as plugin:
    assert plugin.describe().torch.loaded
    with plugin.guide(checkpoint="mini", prompt="two cats and a dog") as session:
        print("isac-client", isac_client.__version__, "with", plugin.describe().version, "aims at", len(session.opened.target), "classes")
PYTHON
    echo "release: $dist is good"
}

if [ "${1-}" = --check ] && [ $# -eq 2 ]; then
    check "$2"
elif [ $# -eq 1 ]; then
    write "$1"
else
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi
