# `make help` lists the targets. Builds live in build/<preset> (CMakePresets.json).
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

JOBS ?= $(shell nproc)
# `make INSTALL_PACKAGES=: <target>` where the packages come from elsewhere.
INSTALL_PACKAGES ?= scripts/install_packages
# Fixed, so that a failure repeats; `crossdock check` prints the case that fails.
CHECK_SEED ?= 20260101
CHECK_CASES ?= 500
# The same for emulated GPUs, which take a thousand times as long as real ones.
EMULATED_CASES ?= 20
FUZZ_SECONDS ?= 30
# By its path: python3 of the PATH may be another one, of a version manager.
PYTHON ?= /usr/bin/python3
# g++ 12's ThreadSanitizer cannot start where the kernel spreads addresses over 32 bits.
SAME_ADDRESSES := $(shell setarch --addr-no-randomize true 2>/dev/null && echo setarch --addr-no-randomize)

# GPUs are used where one is seen, with nvcc to build for it.
CUDACXX ?= $(firstword $(shell command -v nvcc) $(wildcard /usr/local/cuda/bin/nvcc))
GPU_CAPABILITY ?= $(shell nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 | tr -d .)
GPU := $(and $(CUDACXX),$(GPU_CAPABILITY))
GPU_ARCHITECTURE = $(GPU_CAPABILITY:90=90a)

STAGES := format-check headers check newcomer random-check release emulated asan emulated-asan tsan emulated-tsan fuzz tidy $(if $(GPU),gpu)

sources = $(shell find include src tools tests benchmarks examples -name "*.[ch]pp") \
          $(wildcard tests/emulator/include/*.h tests/emulator/include/device/ptx/*.cuh)
configure = mkdir -p build; cmake --preset $(1) $(configure_$(1)) >build/$(1).configure.log || { cat build/$(1).configure.log; exit 1; }
build = $(call configure,$(1)); cmake --build --preset $(1) --parallel $(JOBS)
configure_cuda = -DCMAKE_CUDA_COMPILER=$(CUDACXX) -DCMAKE_CUDA_ARCHITECTURES=$(GPU_ARCHITECTURE)
configure_release-cuda = $(configure_cuda)
tidy = run-clang-tidy-19 -quiet -j $(JOBS) -p build/$(1) '^$(CURDIR)/$(2)' 2> >(grep -v 'generated\.$$' >&2)
run_tests = ctest --preset $(1) --parallel $(JOBS)

.PHONY: help demo test build check headers newcomer random-check release emulated emulated-asan emulated-tsan asan tsan gpu fuzz \
        tidy format format-check clean demo-packages test-packages peers peers-packages compare

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 22

demo: preset = $(if $(GPU),release-cuda,release)
demo: demo-packages ## install what is missing, build, and show the library at work, on GPUs where there are any
	@$(call build,$(preset)) --target crossdock_tool
	@build/$(preset)/bin/crossdock demo

test: test-packages ## every stage below, from formatting to sanitizers, with a summary
	@scripts/run_stages $(STAGES)

build: test-packages ## everything, optimised, with tests (build/dev)
	@$(call build,dev)

check: build ## unit, conformance, differential and multi-process tests
	@$(call run_tests,dev)

headers: test-packages ## every header compiles alone, and includes only rooms that its own may know
	@$(call build,dev) --target all_verify_interface_header_sets

newcomer: test-packages ## what the README tells a newcomer to do, word by word: build, install, compile, run
	@PYTHON=$(PYTHON) tests/package/newcomer

random-check: build ## random cases against the reference: ranks as threads, then as processes
	@build/dev/bin/crossdock check --seed $(CHECK_SEED) --cases $(CHECK_CASES)

release: test-packages ## the build for users: nothing of the fault injector is in it
	@$(call build,release)
	@tests/package/no_fault_injection build/release

emulated: test-packages ## the CUDA backend on emulated GPUs: its tests, random cases, and replays of graphs
	@$(call build,emulated) --target gpu_programs emulator crossdock_tool
	@ctest --preset emulated
	@for ranks in "--threads --ranks 2" "--threads --ranks 4" "--processes --ranks 2"; do \
	  build/emulated/bin/crossdock check --backend cuda $$ranks --seed $(CHECK_SEED) --cases $(EMULATED_CASES) || exit 1; \
	done
	@build/emulated/bin/crossdock check --backend cuda --threads --ranks 2 --repetitions 3 --graph

asan: test-packages ## the tests under the address and undefined-behaviour sanitizers
	@$(call build,asan)
	@$(call run_tests,asan)

emulated-asan: test-packages ## the tests of the CUDA backend on emulated GPUs, under the same sanitizers
	@$(call build,emulated-asan) --target gpu_programs emulator
	@ctest --preset emulated-asan

tsan: test-packages ## the tests with threads under the thread sanitizer
	@$(call build,tsan) --target tests_threads
	@$(SAME_ADDRESSES) $(call run_tests,tsan)

# Each CUDA thread is a thread to the sanitizer, which takes 8,000: three GPUs of four SMs, and what fits them.
emulated-tsan: test-packages ## kernels on emulated GPUs under the thread sanitizer: order of memory between threads, blocks and GPUs
	@$(call build,emulated-tsan) --target emulator gpu_combine_any gpu_rows gpu_group
	@$(SAME_ADDRESSES) build/emulated-tsan/bin/emulator
	@set -f; for test in "gpu_combine_any */0:*/1" "gpu_rows Ranks*/0:Ranks*/1" \
	    "gpu_group *RoundTrip*/flat:GroupCapacity*:GroupIndices*:GroupPending*:GroupEvents*"; do \
	  set -- $$test; \
	  EMULATED_GPUS=3 EMULATED_SMS=4 CROSSDOCK_GPU_CASES=1 TSAN_OPTIONS=halt_on_error=1 \
	    timeout 900 $(SAME_ADDRESSES) build/emulated-tsan/bin/$$1 --gtest_filter="$$2" || exit 1; \
	done

gpu: test-packages ## the tests of the CUDA backend (part of `make test` where a GPU is seen)
	@$(call build,cuda) --target gpu_programs crossdock_tool
	@ctest --preset cuda

fuzz: test-packages ## every fuzzer for FUZZ_SECONDS seconds, from its corpus
	@$(call build,fuzz)
	@scripts/fuzz build/fuzz $(FUZZ_SECONDS)

tidy: test-packages ## clang-tidy over src and tools; over the host side of the CUDA backend as it is built for emulated GPUs
	@$(call configure,dev)
	@$(call tidy,dev,(src|tools)/)
	@$(call configure,emulated)
	@$(call tidy,emulated,(src/(engine/cuda|kernels|transport/p2p)|tools/crossdock/gpu)/.*[.]cpp$$)

format: test-packages ## rewrite all sources in the project's format
	@clang-format-19 -i $(sources)

format-check: test-packages
	@clang-format-19 --dry-run -Werror $(sources)

peers: peers-packages ## measure the library against Open MPI, MPICH and memcpy (install them, build, run)
	@$(call build,peers)
	@$(PYTHON) benchmarks/peers/run.py

OLD ?= HEAD~1
NEW ?= HEAD
compare: demo-packages ## measure the libraries of two commits in turn: make compare OLD=v0.1.0 NEW=HEAD
	@$(PYTHON) benchmarks/peers/compare.py $(OLD) $(NEW)

clean: ## remove build/
	rm -rf build

demo-packages:
	@$(INSTALL_PACKAGES) demo

test-packages:
	@$(INSTALL_PACKAGES) demo test

peers-packages:
	@$(INSTALL_PACKAGES) demo peers
