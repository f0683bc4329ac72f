#!/bin/sh
# Finds libtorch and writes BUILD/KEY/flags.mk with how to compile and link against it; prints "ok KEY", or what is wrong.
#   flags.sh --write BUILD LIBTORCH PYTHON
# Order: LIBTORCH, the torch of PYTHON (else of python3), Debian's libtorch-dev.
build=$2 libtorch=$3 python=$4

fail() { echo "shim: $*"; exit 0; }
python_torch() {
  dir=$("$1" -c 'import importlib.util as u, os
s = u.find_spec("torch")
print(os.path.dirname(s.origin) if s and s.origin else "")' 2>/dev/null)
  # A torch without libtorch_cpu.so is a source tree, or a distribution's thin wrapper.
  [ -n "$dir" ] && [ -e "$dir/lib/libtorch_cpu.so" ] && [ -d "$dir/include/ATen" ] && echo "$dir"
}

if [ -n "$libtorch" ]; then
  [ -d "$libtorch/include/ATen" ] || fail "LIBTORCH=$libtorch has no include/ATen; give the folder that holds include and lib"
  [ -e "$libtorch/lib/libtorch_cpu.so" ] || fail "LIBTORCH=$libtorch has no lib/libtorch_cpu.so"
  root=$libtorch
elif [ -n "$python" ]; then
  root=$(python_torch "$python")
  [ -n "$root" ] || fail "PYTHON=$python has no torch with libtorch_cpu.so and headers; install it (pip install torch) or give LIBTORCH"
else
  root=$(python_torch python3)
fi

if [ -n "$root" ]; then
  root=$(cd "$root" && pwd)
  include=$root/include lib=$root/lib
else
  include=/usr/include lib=
  for dir in /usr/lib/*-linux-gnu /usr/lib /usr/lib64; do
    if [ -e "$dir/libtorch_cpu.so" ]; then lib=$dir; break; fi
  done
  if [ -z "$lib" ] || ! [ -e "$include/ATen/ATen.h" ]; then fail "no libtorch found; set LIBTORCH or PYTHON, or: apt-get install libtorch-dev libopenblas0-pthread"; fi
fi

# -isystem /usr/include would hide libstdc++'s own headers from themselves.
[ "$include" = /usr/include ] && compile= || compile="-isystem $include "
compile="$compile-isystem $include/torch/csrc/api/include"
link="-L$lib -ltorch -ltorch_cpu -lc10"
version=$(sed -n 's/^#define TORCH_VERSION_\(MAJOR\|MINOR\|PATCH\) \([0-9]*\)$/\2/p' \
  "$include/torch/headeronly/version.h" "$include/torch/csrc/api/include/torch/version.h" 2>/dev/null | head -n 3 | paste -sd.)
about="libtorch $version at $lib"

# Wheels before 2.6 were built with the old std::string.
if ! nm -DC "$lib/libc10.so" 2>/dev/null | grep -q __cxx11; then compile="$compile -D_GLIBCXX_USE_CXX11_ABI=0"; fi

# Nothing in our code names a CUDA symbol, so the linker must be told to keep the libraries that register CUDA's kernels.
if [ -e "$lib/libtorch_cuda.so" ]; then
  link="$link -ltorch_cuda -lc10_cuda"
  about="$about (CUDA)"
  # Without CUDA's headers the library works, records no CUDA graphs, and knows of an older libtorch no peak of GPU memory.
  cuda=
  for dir in "$CUDA_HOME/include" "$root"/../nvidia/cuda_runtime/include "$root"/../nvidia/cu*/include /usr/local/cuda/include; do
    if [ -e "$dir/cuda_runtime_api.h" ] && [ -e "$dir/crt/host_config.h" ]; then
      cuda=$dir
      compile="$compile -isystem $cuda"
      break
    fi
  done
  if grep -qs getDeviceAllocator "$include/c10/core/CachingDeviceAllocator.h"; then
    compile="$compile -DISAC_DEVICE_ALLOCATOR"
    if [ -n "$cuda" ] && [ -e "$include/ATen/cuda/CUDAGraph.h" ]; then compile="$compile -DISAC_CUDA_GRAPHS"; fi
  elif [ -n "$cuda" ]; then
    compile="$compile -DISAC_CUDA_ALLOCATOR"
  fi
fi
case $lib in /usr/lib*) ;; *) link="$link -Wl,-rpath,$lib" ;; esac

key=$(echo "$version-$lib-$compile" | cksum | cut -d' ' -f1)
mkdir -p "$build/$key" || fail "cannot make $build/$key"
printf 'COMPILE := %s\nLINK := %s\nABOUT := %s\n' "$compile" "$link" "$about" > "$build/$key/flags.new"
cmp -s "$build/$key/flags.new" "$build/$key/flags.mk" || cp "$build/$key/flags.new" "$build/$key/flags.mk"
rm -f "$build/$key/flags.new"
echo "ok $key"
