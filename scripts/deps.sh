#!/usr/bin/env bash
# Installs what building and testing need, or names it where it cannot install.
#   scripts/deps.sh build   apt: g++ make libtorch-dev libopenblas0-pthread nodejs npm (for `make build` and `make demo`)
#   scripts/deps.sh test    also shellcheck and a Python environment with ruff and pytest (for `make test`)
#   scripts/deps.sh pack    also python3-torch, and a Python environment with it and grpcio (for `make test-pack`)
#   scripts/deps.sh e2e     also chromium (for `make test-e2e`)
# npm packages are pinned in host-bridge/web/package-lock.json and host-bridge/comfyapi/testdata/clients/package-lock.json.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:-build}
GO_MINIMUM=1.21 # from here on the go command fetches by itself the toolchain that go.mod names
APT_BUILD=(g++ make)
APT_TEST=(shellcheck python3 python3-venv)
APT_PAGE=(nodejs npm)
APT_PACK=(python3-torch)
APT_E2E=(chromium)
NODE_MINIMUM=18 # Debian 12's
NODE_E2E=20     # playwright-core and the two clients want it; newer than Debian 12's

missing=()

# The go command is the one thing that no Debian 12 package provides in a usable version.
check_go() {
    local version
    if ! command -v go >/dev/null; then
        echo "deps: Go is missing: install Go $GO_MINIMUM or later (https://go.dev/dl), then run make again" >&2
        exit 1
    fi
    version=$(GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//')
    if [ "$(printf '%s\n%s\n' "$GO_MINIMUM" "$version" | sort -V | head -n 1)" != "$GO_MINIMUM" ]; then
        echo "deps: Go $version is too old: install Go $GO_MINIMUM or later (https://go.dev/dl), then run make again" >&2
        exit 1
    fi
}

have_libtorch() {
    local dir
    [ -n "${LIBTORCH:-}" ] && return 0
    dir=$("${PYTHON:-python3}" -c "import importlib.util as u,os;s=u.find_spec('torch');print(os.path.dirname(s.origin) if s else '')" 2>/dev/null) || dir=
    [ -n "$dir" ] && [ -e "$dir/lib/libtorch_cpu.so" ] && return 0
    [ -e /usr/include/torch/csrc/api/include/torch/version.h ]
}

have_package() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }

want() {
    local package
    for package in "$@"; do
        have_package "$package" || missing+=("$package")
    done
}

install_missing() {
    [ ${#missing[@]} -eq 0 ] && return
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
            sudo=(sudo)
        elif command -v sudo >/dev/null && [ -t 0 ]; then
            sudo=(sudo)
        else
            echo "deps: not root and no sudo; run: apt-get install ${missing[*]}" >&2
            exit 1
        fi
    fi
    echo "deps: installing with apt: ${missing[*]}"
    "${sudo[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

have_chromium() {
    [ -n "${CHROMIUM:-}" ] && return 0
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null
}

# The editor page is bundled by esbuild, which runs on node.
have_node() {
    local major
    major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/') || return 1
    [ "${major:-0}" -ge "$1" ] && command -v npm >/dev/null
}

check_go
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
    command -v "${CXX:-g++}" >/dev/null || want "${APT_BUILD[@]}"
    # Debian's libtorch takes whichever libblas is there; the default one is 20 to 30 times slower than OpenBLAS.
    if ! have_libtorch; then
        want libtorch-dev libopenblas0-pthread
    elif have_package libtorch-dev; then
        want libopenblas0-pthread
    fi
    have_node "$NODE_MINIMUM" || want "${APT_PAGE[@]}"
    [ "$what" = build ] || want "${APT_TEST[@]}"
    [ "$what" != pack ] || want "${APT_PACK[@]}"
    [ "$what" != e2e ] || have_chromium || want "${APT_E2E[@]}"
    install_missing
else
    command -v "${CXX:-g++}" >/dev/null || missing+=("a C++17/20 compiler (g++ 12 or later)")
    have_libtorch || missing+=("libtorch 1.13 to 2.14 (unpack https://pytorch.org's libtorch and set LIBTORCH=/path/to/libtorch, or set PYTHON to a Python that has torch)")
    have_node "$NODE_MINIMUM" || missing+=("node $NODE_MINIMUM or later, with npm")
    [ "$what" != e2e ] || have_chromium || missing+=("chromium (or set CHROMIUM to the path of one)")
    if [ "$what" != build ]; then
        command -v shellcheck >/dev/null || missing+=("shellcheck")
        python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=("python3 with venv")
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        echo "deps: there is no apt here; please install:" >&2
        printf '  - %s\n' "${missing[@]}" >&2
        exit 1
    fi
fi

if [ "$what" = e2e ] && ! have_node "$NODE_E2E"; then
    echo "deps: the end-to-end tests want node $NODE_E2E or later (https://nodejs.org); this is $(node --version)" >&2
    exit 1
fi

if [ "$what" != build ]; then
    stamp=.venv/.requirements
    if ! cmp -s scripts/requirements-test.txt "$stamp"; then
        echo "deps: installing Python test tools into .venv"
        python3 -m venv .venv
        .venv/bin/pip install -q --disable-pip-version-check -r scripts/requirements-test.txt
        cp scripts/requirements-test.txt "$stamp"
    fi
fi

# The node pack is tested with the system's PyTorch: ComfyUI brings one of its own.
if [ "$what" = pack ]; then
    python=python3
    [ ! -e /usr/lib/python3/dist-packages/torch ] || python=/usr/bin/python3
    "$python" -c 'import torch' 2>/dev/null || echo "deps: $python has no PyTorch: most tests of the node pack are left out" >&2
    stamp=.venv-pack/.requirements
    if ! cmp -s scripts/requirements-pack.txt "$stamp"; then
        echo "deps: installing what the node pack needs into .venv-pack"
        "$python" -m venv --system-site-packages .venv-pack
        .venv-pack/bin/pip install -q --disable-pip-version-check -r scripts/requirements-pack.txt
        cp scripts/requirements-pack.txt "$stamp"
    fi
fi
