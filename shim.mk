# `make shim` builds build/lib/libisactorch.so, the C++ side of isac/torch.
#   LIBTORCH=DIR  a libtorch (or a Python package's torch folder): DIR/include, DIR/lib
#   PYTHON=EXE    the torch inside this Python environment (ComfyUI's, for instance); default: python3, if it has torch
#   neither       Debian's libtorch-dev
# The lock is for two shells that build at once.
SHIM_OUT ?= build/lib/libisactorch.so

.PHONY: shim shim-clean
shim:
	@mkdir -p build/shim
	@flock build/shim/.lock$(subst /,_,$(SHIM_OUT)) $(MAKE) --no-print-directory -j$$(nproc) -f isac/torch/shim/Makefile OUT=$(SHIM_OUT) LIBTORCH=$(LIBTORCH) PYTHON=$(PYTHON)

shim-clean:
	rm -rf build/shim $(SHIM_OUT)
