# Everything sets up what it needs in .venv. `make help` lists what there is.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# The old grpcio-tools has wheels up to Python 3.12.
PROTOC_PYTHON ?= $(shell command -v python3.11 || command -v python3.12)
# The environment; with VENV=, another one that was set up.
VENV ?= .venv
BIN := $(VENV)/bin
# How many processes work side by side.
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
# The oldest runtime that ML environments pin, to the newest.
PROTOBUF_RUNTIMES := 4.25.8 5.29.5 6.33.0 7.36.2
# Code of this protoc runs on every one of them; newer protoc's code refuses older runtimes.
PROTOC := 25.1
GRPCIO_TOOLS := 1.62.3
BUF := 1.75.0
UV := 0.13.9
ATHERIS := 3.0.0
MKDOCS_MATERIAL := 9.8.2
MKDOCSTRINGS := 1.0.8
MOTO := 5.2.5
# The newest for the oldest Python here.
BUILDGRID := 0.4.4
# Nothing is installed but the files whose hashes stand in locks/.
LOCKED := install --quiet --no-deps --require-hashes
PYTHON_FILES := conftest.py hatch_build.py reference conformance_tests benchmarks fuzz examples viewer/test website
FUZZ_SECONDS ?= 600
CRASH_RUNS ?= 1000
CRASH_STATES ?= 200
# All tests but those of PyTorch, of programs run, of the command line, of the distribution, and
# of what the disk and other processes do; QUICK_TESTS without those that take long.
CORE_FILES := $(patsubst %,--ignore-glob='*/%',test_run*.py test_pytorch_*.py test_stores_*.py \
	test_wheel.py test_sdist.py test_cli*.py test_crash_*.py test_concurrency.py test_fork.py \
	test_without_posix.py self_tests/*)
CORE_TESTS := -m 'not torch and not compilers' $(CORE_FILES)
QUICK_TESTS := -m 'not torch and not compilers and not slow' $(CORE_FILES)
QUICK_VECTORS := --class reader
# What else is slow varies files, processes, the order of calls or the size of contents, not what
# protobuf is given: quick tests give it messages like those. What is public has no message in it.
RUNTIME_TESTS := -m 'not torch and not compilers and (not slow or runtimes)' $(CORE_FILES) \
	--ignore-glob='*/test_public_surface.py'
# They have a part of their own.
NOT_STORES := --ignore-glob='*/test_stores_*.py'
INTERPRETERS := 3.12 3.13 3.14
# What is installed, but for what imports torch.
PACKAGES := conformance_tests/precompile_conformance \
	$(filter-out %/adapters %/cli,$(patsubst %/__init__.py,%,$(wildcard reference/precompile_context/*/__init__.py))) \
	$(wildcard reference/precompile_context/*.py)

TORCH ?= 2.14.1
# What is measured on a GPU: pip finds its build for CUDA where it is not told to look elsewhere.
GPU_TORCH ?= 2.15.0

# Where bytecode is switched off, as in many images, each of the thousands of processes that tests
# start would compile all anew.
export PYTHONDONTWRITEBYTECODE :=

.DELETE_ON_ERROR:

# What `make test` is made of, those first that take longest: what is left at the end, one at a time, is short. make
# passes over what another must be done for, until all else has begun: test-interop has its turn well behind.
PARTS := test-pytorch test-core build-cpp test-cpp test-stores test-compilers test-typescript test-runtimes test-fuzz \
	test-interop check test-mutants test-viewer test-instructions test-site test-conformance

.PHONY: help demo test quick $(PARTS) vectors generate bench fuzz crash stress ranks clean

help: ## what there is
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

demo: $(VENV)/.ready ## the main job: cold, mega-cache and warm runs of a small transformer
	$(BIN)/precompile demo

# --- tests ---------------------------------------------------------------------------------

# Each part tells how long it took and what it took of a processor, what it printed stays together. It is one process: more
# than there are processors take more of these, and no less time.
test: ## everything, part by part and several side by side
	@$(MAKE) --no-print-directory --jobs=$(JOBS) --output-sync=target $(PARTS:%=part-%)

# What several have is set up before any begins: it would be there twice, or by halves. Meanwhile C++ is compiled.
NEED_PYTHON := $(filter-out build-%,$(PARTS))
$(NEED_PYTHON:%=part-%): $(VENV)/.ready $(VENV)/.fuzz .moto/.ready

part-%: SHELL := bash
part-%:
	@echo "== $*"; TIMEFORMAT='== $*: %0R s, of a processor %0U and %0S of system'; \
		time $(MAKE) --no-print-directory JOBS=1 $*

part-test-cpp: part-build-cpp

# Both write what they generate to one folder.
part-test-viewer: part-test-typescript

# It takes what these two have built.
part-test-interop: part-test-cpp part-test-typescript

quick: $(VENV)/.ready ## a minute: lint, types of what changed, the core's tests, vectors for readers
	$(BIN)/ruff check --quiet $(PYTHON_FILES)
	$(BIN)/ruff format --quiet --check $(PYTHON_FILES)
	@$(if $(CHANGED),$(BIN)/mypy $(CHANGED),echo 'no type is checked: nothing differs from the last commit')
	$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) $(QUICK_TESTS)
	$(BIN)/precompile-conformance run --jobs $(JOBS) $(QUICK_VECTORS)

# Outside of git nothing is known to have changed.
CHANGED = $(wildcard $(shell git ls-files --modified --others --exclude-standard -- \
	$(PYTHON_FILES) 2>/dev/null | grep '\.py$$'))
# A worker that has done its tests takes some of another's; but where what is made once for a file takes minutes in some,
# and is not made twice, it takes a file.
WORKERS = $(if $(filter-out 1,$(JOBS)),--numprocesses=$(JOBS))
SIDE_BY_SIDE = $(if $(WORKERS),$(WORKERS) --dist=worksteal)
BY_FILES = $(if $(WORKERS),$(WORKERS) --dist=loadfile)

check: check-python check-types check-generated check-schema check-spec check-map check-conformance check-compilers ## formatting, lint, types, schema, generated code, SPEC.md, the pages that are made

test-core: $(VENV)/.ready ## the core, the command line, the distribution and the suite's own tests
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m 'not torch and not compilers' $(NOT_STORES)

test-pytorch: $(VENV)/.ready .moto/.ready ## the adapter, with programs that compile
	$(BIN)/python -m pytest $(BY_FILES) -m torch $(NOT_STORES)

# An environment with all that $(VENV) has, to be added to: by links, which take seconds, for pip
# replaces files and changes none.
define beside
rm -rf $(@D)
$(BIN)/python -m venv --without-pip $(@D)
cp -al $(VENV)/lib/python*/site-packages/. $(@D)/lib/python*/site-packages/ 2>/dev/null || \
	cp -Rp $(VENV)/lib/python*/site-packages/. $(@D)/lib/python*/site-packages/
$(@D)/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
endef

# An environment of a tool's own; a pip that is there installs into it.
define apart
rm -rf $(@D)
$(BIN)/python -m venv --without-pip $(@D)
$(BIN)/python -m pip --python $(@D)/bin/python $(LOCKED) --no-compile -r $<
endef

# JAX, numba and Triton are in an environment of their own, beside all that $(VENV) has: torch is
# what is tested without them, too.
test-compilers: $(VENV)/.ready ## the adapters for JAX, numba and Triton, and several compilers in one bundle
	@if $(MAKE) --no-print-directory .compilers/.ready; then \
		.compilers/bin/python -m pytest $(SIDE_BY_SIDE) -m compilers; \
	else echo 'NOT RUN: JAX, numba and Triton, because they could not be installed here' >&2; fi

.compilers/.ready: locks/compilers.txt $(VENV)/.ready
	$(beside)
	.compilers/bin/python -m pip $(LOCKED) --only-binary :all: -r locks/compilers.txt
	touch $@

# What speaks S3 for the tests is a process of its own, with an environment of its own; so is a build cache. Half of the time
# is spent in waits: two workers take that of one.
test-stores: $(VENV)/.ready .moto/.ready ## stores: a simulated one, servers of objects and of images, HTTP, a build cache
	@$(MAKE) --no-print-directory .buildgrid/.ready || \
		echo 'NOT RUN: stores in a build cache, because BuildGrid could not be installed here' >&2
	@command -v docker-registry >/dev/null || \
		echo 'NOT RUN: stores in a registry, because docker-registry is missing' >&2
	@command -v oras >/dev/null || \
		echo 'NOT RUN: what oras reads of a registry (curl does), because oras is missing' >&2
	PRECOMPILE_MOTO=.moto/bin/moto_server $(BIN)/python -m pytest -q --numprocesses=2 --dist=loadfile reference/tests/test_stores_*.py

.buildgrid/.ready: locks/buildgrid.txt | $(VENV)/.ready
	$(apart)
	touch $@

.moto/.ready: locks/moto.txt | $(VENV)/.ready
	$(apart)
	touch $@

# What each run came to. Whoever changes that copies the new summary.json (`run --report`) there, and has
# `make conformance` make the page of all.
KEPT := conformance_tests/results
RESULTS := $(patsubst %,$(KEPT)/%.json,reference cpp typescript viewer stdlib)

.PHONY: conformance
conformance: $(VENV)/.ready ## docs/conformance.md and the badges, of conformance_tests/results alone
	$(BIN)/precompile-conformance page $(RESULTS) --into docs/conformance.md

test-conformance: $(VENV)/.ready ## the reference and the reader in one file against SPEC.md's vectors
	$(BIN)/precompile-conformance check
	$(BIN)/precompile-conformance run --trace --jobs $(JOBS) --same-as $(KEPT)/reference.json
	$(BIN)/precompile-conformance run --jobs $(JOBS) --same-as $(KEPT)/stdlib.json \
		--testee '$(BIN)/python conformance_tests/testees/stdlib'

# A mutant is the reference with one check taken out; `--all` (10 minutes) runs each with all cases.
test-mutants: $(VENV)/.ready ## do the vectors notice a check taken out?
	$(BIN)/python -m mutants.check --jobs $(JOBS)

TYPESCRIPT := conformance_tests/testees/typescript
NODE_IS_RECENT := const [a, b] = process.versions.node.split("."); process.exit(a * 100 + +b < 2019 ? 1 : 0)

.PHONY: build-typescript run-typescript run-browser
test-typescript: $(VENV)/.ready ## the TypeScript implementation: its own tests, the vectors, a browser
	@if command -v npm >/dev/null && node -e '$(NODE_IS_RECENT)'; then \
		$(MAKE) --no-print-directory run-typescript; \
	else echo 'NOT RUN: the TypeScript implementation, which needs npm and Node 20.19' >&2; fi

run-typescript: $(TYPESCRIPT)/node_modules/.package-lock.json
	npm test --silent --prefix $(TYPESCRIPT)
	@if command -v chromium >/dev/null; then $(MAKE) --no-print-directory run-browser; \
	else echo 'NOT RUN: TypeScript in a browser, because chromium is missing' >&2; fi
	$(BIN)/precompile-conformance run --jobs $(JOBS) --same-as $(KEPT)/typescript.json \
		--testee 'node $(TYPESCRIPT)/dist/testee/main.js'

run-browser:
	node $(TYPESCRIPT)/test/browser.mjs chromium

$(TYPESCRIPT)/node_modules/.package-lock.json: $(TYPESCRIPT)/package.json $(TYPESCRIPT)/package-lock.json
	npm ci --silent --prefix $(TYPESCRIPT)

# mkdocs has an environment of its own: what it needs is nobody else's. `--quiet` would count no warning.
test-site: $(VENV)/.ready .site/.ready ## the site, into .site/html; a dead link or a missing page fails
	$(BIN)/python website/assemble.py .site/pages
	NO_MKDOCS_2_WARNING=1 .site/bin/mkdocs build --strict -f website/mkdocs.yml

.site/.ready: locks/site.txt | $(VENV)/.ready
	$(apart)
	touch $@

.PHONY: run-viewer
test-viewer: $(VENV)/.ready ## the page: equal to a fresh build, all vectors, and what people do, in a browser
	@if command -v npm >/dev/null && node -e '$(NODE_IS_RECENT)' && command -v chromium >/dev/null; then \
		$(MAKE) --no-print-directory run-viewer; \
	else echo 'NOT RUN: the viewer, which needs npm, Node 20.19 and chromium' >&2; fi

VIEWER_CLASSES := --class reader --class verifier
run-viewer: $(TYPESCRIPT)/node_modules/.package-lock.json viewer/node_modules/.package-lock.json
	npm run --silent generate --prefix $(TYPESCRIPT)
	npm run --silent types --prefix viewer
	npm run --silent build --prefix viewer -- --check
	$(BIN)/python viewer/test/make_bundles.py viewer/build
	npm test --silent --prefix viewer
	$(BIN)/precompile-conformance run $(VIEWER_CLASSES) --same-as $(KEPT)/viewer.json \
		--testee 'node viewer/test/testee.mjs'

viewer/node_modules/.package-lock.json: viewer/package.json viewer/package-lock.json
	npm ci --silent --prefix viewer

vectors: $(VENV)/.ready ## the vectors of version 1.0 anew, from conformance_tests/builders/
	$(BIN)/python -m builders

# BENCH='--full' adds the workloads of gigabytes.
bench: $(VENV)/.bench ## side by side with torch's mega-cache and the machine's limits
	$(BIN)/python -m benchmarks $(BENCH)

$(VENV)/.bench: $(VENV)/.ready locks/bench.txt
	$(BIN)/python -m pip $(LOCKED) -r locks/bench.txt
	touch $@

# Outside of CI: half an hour of compiling, in an environment of its own.
.PHONY: models
models: .models/.ready ## programs with models of transformers and diffusers, cold and warm; MODELS= names some
	.models/bin/python -m benchmarks.models --json benchmarks/results/models.json --into docs/pytorch.md $(MODELS)

.models/.ready: locks/models.txt $(VENV)/.ready
	$(beside)
	.models/bin/python -m pip $(LOCKED) --only-binary :all: -r locks/models.txt
	.models/bin/python -m pip check
	touch $@

# Its own torch, gigabytes, is installed only where there is a GPU.
.PHONY: gpu run-gpu
gpu: ## where there is a GPU: demo, CUDA graphs, autotuning, Triton's files, cases and tests, into docs/pytorch.md
	@if nvidia-smi --list-gpus 2>/dev/null | grep -q '^GPU'; then $(MAKE) --no-print-directory run-gpu; \
	else echo 'NOT RUN: what needs a GPU, because nvidia-smi lists none' >&2; fi

run-gpu: .torch/$(GPU_TORCH)/.ready
	.torch/$(GPU_TORCH)/bin/python -m benchmarks.gpu --into docs/pytorch.md

# Counts of instructions: the same on every run, whatever else the machine does.
test-instructions: $(VENV)/.ready ## instructions of two small workloads against those on record
	$(BIN)/python -m benchmarks.instructions

# --- reliability ---------------------------------------------------------------------------

fuzz: $(VENV)/.fuzz ## all that reads foreign bytes, for FUZZ_SECONDS (600) altogether
	$(BIN)/python -m fuzz dearest
	$(BIN)/python -m fuzz run --seconds $(FUZZ_SECONDS)

test-fuzz: $(VENV)/.fuzz ## the dearest inputs, fuzzing for 20 seconds, edited programs for 20
	$(BIN)/python -m fuzz dearest
	$(BIN)/python -m fuzz run --seconds 20
	$(BIN)/python -m fuzz edits --seconds 20

crash: $(VENV)/.ready ## CRASH_RUNS (1000) processes killed, CRASH_STATES (200) power cuts a moment
	PRECOMPILE_CRASH_RUNS=$(CRASH_RUNS) PRECOMPILE_CRASH_STATES=$(CRASH_STATES) \
		$(BIN)/python -m pytest -q -s reference/tests/test_crash_*.py

stress: $(VENV)/.ready .moto/.ready ## many processes on one file, threads on one context, writers of one store
	PRECOMPILE_STRESS=1 $(BIN)/python -m pytest -q -s reference/tests/test_concurrency.py
	PRECOMPILE_STRESS=1 PRECOMPILE_MOTO=.moto/bin/moto_server \
		$(BIN)/python -m pytest -q -s reference/tests/test_stores_stress.py

.PHONY: test-torch
test-torch: .torch/$(TORCH)/.ready ## the adapter with another torch, TORCH=2.14.1
	.torch/$(TORCH)/bin/python -c 'import torch; print("torch", torch.__version__)'
	.torch/$(TORCH)/bin/python -m pytest -q -p no:cacheprovider -m torch

.torch/%/.ready: pyproject.toml locks/python.txt
	$(PYTHON) -m venv .torch/$*
	.torch/$*/bin/python -m pip $(LOCKED) -r locks/python.txt
	.torch/$*/bin/python -m pip install --quiet torch==$*
	.torch/$*/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

# Minutes: forty interpreters that import torch. `make test` forks the ranks.
ranks: $(VENV)/.ready ## eight ranks that torchrun starts: one bundle for all, and one each, merged
	PRECOMPILE_TORCHRUN=1 $(BIN)/python -m pytest -v reference/tests/test_pytorch_job.py

# atheris has wheels for some machines, and building it needs clang.
$(VENV)/.fuzz: $(VENV)/.ready locks/fuzz.txt
	$(BIN)/python -m pip $(LOCKED) --only-binary :all: -r locks/fuzz.txt || \
		echo 'NOT RUN: fuzzing, because there is no wheel of atheris for this machine' >&2
	touch $@

# --- the environment -----------------------------------------------------------------------

# torch is pinned by its version alone: which of its builds is taken depends on where pip looks.
$(VENV)/.ready: pyproject.toml constraints.txt locks/python.txt reference/precompile_run.pth
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip $(LOCKED) -r locks/python.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	$(BIN)/python -m pip check
	touch $@

.PHONY: check-python check-types check-spec check-map check-conformance
check-python: $(VENV)/.ready
	$(BIN)/ruff check $(PYTHON_FILES)
	$(BIN)/ruff format --check $(PYTHON_FILES)

# All as the oldest Python sees it, and the core as each newer one does.
check-types: $(VENV)/.ready
	$(BIN)/mypy $(PYTHON_FILES)
	set -e; for version in $(INTERPRETERS); do \
		$(BIN)/mypy --python-version $$version $(PACKAGES); \
	done

check-map: $(VENV)/.ready
	$(BIN)/python reference/module_map.py --check

check-conformance: $(VENV)/.ready
	$(BIN)/precompile-conformance page $(RESULTS) --into docs/conformance.md --check

check-compilers: $(VENV)/.ready
	$(BIN)/python -m benchmarks.compiler_caches --check

check-spec: $(VENV)/.ready
	$(BIN)/python -m precompile_conformance.spec lint

# --- C++ -----------------------------------------------------------------------------------

CPP := conformance_tests/testees/cpp
CPP_FUZZ_SECONDS ?= 20
CPP_HEADERS := zstd.h openssl/evp.h google/protobuf/message.h gtest/gtest.h

CPP_TOOLS := command -v cmake >/dev/null && command -v protoc >/dev/null && \
	printf '\#include <%s>\n' $(CPP_HEADERS) | c++ -std=c++17 -fsyntax-only -x c++ - 2>/dev/null

.PHONY: compile-cpp run-cpp fuzz-cpp run-cpp-fuzzer
build-cpp:
	@if $(CPP_TOOLS); then $(MAKE) --no-print-directory compile-cpp; fi

test-cpp: ## the C++ implementation: its own tests and all vectors, under sanitizers too; fuzzing
	@if $(CPP_TOOLS); then $(MAKE) --no-print-directory run-cpp; \
	else echo 'NOT RUN: the C++ implementation, which needs cmake, c++, protoc and the headers' \
		'$(CPP_HEADERS)' >&2; fi

# What was compiled before, of the same sources, is not compiled again.
CCACHE := $(shell command -v ccache)
CLANG := $(shell command -v clang++)
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
export CCACHE_SLOPPINESS := pch_defines,time_macros
BUILD := cmake -DCMAKE_CXX_COMPILER_LAUNCHER=$(CCACHE) -S $(CPP) -B $(CPP)/build
SANITIZED := $(BUILD)/sanitized -DPRECOMPILE_QUICK=ON -DPRECOMPILE_SANITIZE=ON

# The build with sanitizers is clang's where there is one: the fuzzer needs it.
compile-cpp:
	$(BUILD) -DPRECOMPILE_QUICK=ON -DCMAKE_BUILD_TYPE=Release
	cmake --build $(CPP)/build --parallel $(JOBS)
	$(MAKE) --no-print-directory $(ALONE)/.read
	$(SANITIZED) $(if $(CLANG),-DPRECOMPILE_FUZZ=ON -DCMAKE_CXX_COMPILER=$(CLANG))
	cmake --build $(CPP)/build/sanitized --parallel $(JOBS)

run-cpp: compile-cpp $(VENV)/.ready
	set -e; for build in build build/sanitized; do \
		$(CPP)/$$build/unit_tests; \
		$(BIN)/precompile-conformance run --jobs $(JOBS) --same-as $(KEPT)/cpp.json \
			--testee $(CPP)/$$build/testee; \
	done
	@if [ -n '$(CLANG)' ]; then $(MAKE) --no-print-directory run-cpp-fuzzer; \
	else echo 'NOT RUN: the fuzzer of the C++ implementation, because clang++ is missing' >&2; fi

# A target that is one source hides an include that is missing: so each source is read alone, too. The headers
# of protobuf that generated code includes are read once for all.
CPP_FOLDERS := $(patsubst %,$(CPP)/%,include/precompile src testee tests example)
ALONE := $(CPP)/build/alone
READ_ALONE := c++ -std=c++17 $(patsubst %,-I$(CPP)/%,include src tests) -isystem $(CPP)/build/generated
$(ALONE)/.read: $(wildcard $(CPP_FOLDERS:%=%/*.cc) $(CPP_FOLDERS:%=%/*.h))
	mkdir -p $(ALONE)
	sed -n '/port_/d; /^#include <google/p' $(CPP)/build/generated/precompile/v1/*.h | sort -u >$(ALONE)/protobuf.h
	$(READ_ALONE) -x c++-header $(ALONE)/protobuf.h -o $(ALONE)/protobuf.h.gch
	printf '%s\n' $(filter %.cc,$^) | \
		xargs -n 1 -P $(JOBS) $(READ_ALONE) -fsyntax-only -include $(ALONE)/protobuf.h
	touch $@

fuzz-cpp: ## what reads foreign bytes in C++, for CPP_FUZZ_SECONDS (20)
	$(SANITIZED) -DPRECOMPILE_FUZZ=ON -DCMAKE_CXX_COMPILER=$(if $(CLANG),$(CLANG),clang++)
	cmake --build $(CPP)/build/sanitized --target fuzz --parallel $(JOBS)
	$(MAKE) --no-print-directory run-cpp-fuzzer

# Begins with every input of the vectors; what it finds goes on from there the next time.
run-cpp-fuzzer:
	mkdir -p $(CPP)/build/corpus
	$(CPP)/build/sanitized/fuzz -max_total_time=$(CPP_FUZZ_SECONDS) -max_len=4096 \
		-dict=$(CPP)/fuzz/bundle.dict -artifact_prefix=$(CPP)/build/ \
		$(CPP)/build/corpus conformance_tests/vectors

# --- all implementations together ------------------------------------------------------------

INTEROP_COPIES ?= 1
EXPLORE_SECONDS ?= 15

# What test-cpp and test-typescript did not build is left out, and said.
test-interop: $(VENV)/.ready ## who writes what, all others read, of the implementations that were built
	@set -- --testee '$(BIN)/python -m testees.reference' \
		--testee '$(BIN)/python conformance_tests/testees/stdlib'; \
	if [ -x $(CPP)/build/testee ]; then set -- "$$@" --testee $(CPP)/build/testee; \
	else echo 'NOT RUN: the matrix with the C++ implementation, which is not built' >&2; fi; \
	if [ -e $(TYPESCRIPT)/dist/testee/main.js ]; then \
		set -- "$$@" --testee 'node $(TYPESCRIPT)/dist/testee/main.js'; \
	else echo 'NOT RUN: the matrix with the TypeScript implementation, which is not built' >&2; fi; \
	set -ex; $(BIN)/precompile-conformance interop --copies $(INTEROP_COPIES) "$$@"; \
	$(BIN)/precompile-conformance explore --seconds $(EXPLORE_SECONDS) "$$@"

# --- the schema and its code ---------------------------------------------------------------

.protoc/bin/python:
	@[ -n '$(PROTOC_PYTHON)' ] || { echo 'protoc needs Python 3.11 or 3.12' >&2; exit 1; }
	$(PROTOC_PYTHON) -m venv .protoc
	.protoc/bin/python -m pip $(LOCKED) --no-compile -r locks/protoc.txt
	[ "$$(.protoc/bin/python -m grpc_tools.protoc --version)" = 'libprotoc $(PROTOC)' ]

generate: .protoc/bin/python ## protoc's output for Python, from proto/ into generated/
	rm -rf generated/precompile
	$(call protoc,generated)

check-generated:
	@if [ -n '$(PROTOC_PYTHON)' ]; then $(MAKE) --no-print-directory compare-generated; \
	else echo 'NOT RUN: comparing generated code, which needs Python 3.11 or 3.12' >&2; fi

.PHONY: check-generated compare-generated
compare-generated: .protoc/bin/python
	rm -rf .protoc/out && mkdir .protoc/out
	$(call protoc,.protoc/out)
	diff -r -x __pycache__ generated .protoc/out

protoc = find proto -name '*.proto' | sort | xargs .protoc/bin/python -m grpc_tools.protoc \
	-Iproto --python_out=$(1) --pyi_out=$(1)

.buf/node_modules/.bin/buf:
	mkdir -p .buf && cp locks/buf/package.json locks/buf/package-lock.json .buf
	npm ci --silent --prefix .buf

# proto/v1.binpb is the schema as it was frozen; freeze-schema writes it, for an addition by docs/versioning.md.
check-schema:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory run-buf; \
	else echo 'NOT RUN: buf lint and buf breaking, because npm is missing' >&2; fi

.PHONY: check-schema freeze-schema run-buf
run-buf: .buf/node_modules/.bin/buf
	.buf/node_modules/.bin/buf lint proto
	.buf/node_modules/.bin/buf breaking proto --against proto/v1.binpb

freeze-schema: .buf/node_modules/.bin/buf
	.buf/node_modules/.bin/buf build proto --exclude-source-info -o proto/v1.binpb

# --- the core on other runtimes ------------------------------------------------------------

.runtimes/%: locks/protobuf-%.txt | $(VENV)/.ready
	rm -rf $@
	$(BIN)/python -m pip $(LOCKED) --target $@ -r $<

# All tests run on the newest, which is the one in $(VENV).
OTHER_RUNTIMES := $(filter-out $(shell sed -n 's/^protobuf==//p' constraints.txt),$(PROTOBUF_RUNTIMES))

# An sdist in $$tree, until the shell ends: `make quick` works there, with what is installed here.
UNPACK_SDIST = set -e; tree=$$(mktemp -d); trap 'rm -rf "$$tree"' EXIT; \
	$(BIN)/python -m hatchling build --target sdist --directory "$$tree/dist"; \
	tar -xzf "$$tree"/dist/*.tar.gz --strip-components=1 -C "$$tree"; \
	own="$$tree/reference:$$tree/generated:$$tree/conformance_tests"
IN_SDIST = $(MAKE) --no-print-directory -C "$$tree" --old-file=$(CURDIR)/$(VENV)/.ready VENV=$(CURDIR)/$(VENV)

# Nothing is there but what an sdist holds: it is seen to hold what its tests need.
test-runtimes: $(OTHER_RUNTIMES:%=.runtimes/%) ## in an sdist: what protobuf has a part in, and all vectors, on its other runtimes
	@$(UNPACK_SDIST); for version in $(OTHER_RUNTIMES); do \
		echo "== protobuf $$version"; \
		export PYTHONPATH="$(CURDIR)/.runtimes/$$version:$$own" PRECOMPILE_TEST_PROTOBUF=$$version; \
		$(IN_SDIST) quick QUICK_TESTS="$(RUNTIME_TESTS)" QUICK_VECTORS=; \
	done

# --- the core on other interpreters --------------------------------------------------------

.PHONY: test-interpreters
test-interpreters: $(INTERPRETERS:%=test-python%) ## the core's tests and vectors on each other Python that is on PATH

test-python%: $(VENV)/.ready
	@if command -v python$* >/dev/null; then $(MAKE) --no-print-directory run-python$*; \
	else echo 'NOT RUN: the core on Python $*, because there is no python$* on PATH' >&2; fi

run-python%: .interpreters/%/.ready
	$(<D)/bin/python --version
	$(<D)/bin/python -m pytest -q $(SIDE_BY_SIDE) $(CORE_TESTS)
	$(<D)/bin/precompile-conformance run --trace --jobs $(JOBS) \
		--testee '$(<D)/bin/python -m testees.reference'

# A Python of a distribution may come without pip: that of $(VENV) installs.
.interpreters/%/.ready: pyproject.toml locks/python.txt | $(VENV)/.ready
	python$* -m venv --clear --without-pip $(@D)
	$(BIN)/python -m pip --python $(@D)/bin/python $(LOCKED) -r locks/python.txt
	$(BIN)/python -m pip --python $(@D)/bin/python install --quiet --no-deps --no-build-isolation -e .
	touch $@

# --- releases ------------------------------------------------------------------------------

.PHONY: release-check
release-check: $(VENV)/.ready ## wheel and sdist, built twice with equal bytes and compared with the tree, into dist/
	@[ -z "$$(git status --porcelain)" ] || { git status --short; echo 'the tree has changes' >&2; exit 1; }
	$(BIN)/python -m pytest -q reference/tests/test_wheel.py reference/tests/test_sdist.py
	$(UNPACK_SDIST); PYTHONPATH="$$own" $(IN_SDIST) quick
	rm -rf dist && $(BIN)/python -m hatchling build -d dist
	sha256sum dist/*

# --- locks --------------------------------------------------------------------------------

.PHONY: lock
lock: .uv/bin/uv ## locks/ anew: what is installed, every file by its hash
	$(call compile,--extra cli --extra dev -c constraints.txt pyproject.toml locks/python.in,python)
	$(call compile,--extra bench -c constraints.txt pyproject.toml,bench)
	$(call compile,--extra jax --extra numba --extra triton -c constraints.txt -c locks/python.txt \
		pyproject.toml,compilers)
	$(call compile,-c constraints.txt -c locks/python.txt --overrides locks/models.override \
		locks/models.in,models)
	echo grpcio-tools==$(GRPCIO_TOOLS) | $(call compile,-,protoc)
	echo atheris==$(ATHERIS) | $(call compile,-,fuzz)
	echo 'moto[server,s3]==$(MOTO)' | $(call compile,-,moto)
	echo buildgrid==$(BUILDGRID) | $(call compile,-,buildgrid)
	$(foreach version,$(PROTOBUF_RUNTIMES),\
		echo protobuf==$(version) | $(call compile,-,protobuf-$(version)) &&) true
	printf '%s\n' mkdocs-material==$(MKDOCS_MATERIAL) 'mkdocstrings[python]==$(MKDOCSTRINGS)' | $(call compile,-,site)
	rm -rf .buf && mkdir .buf
	npm install --silent --prefix .buf --package-lock-only --omit-lockfile-registry-resolved \
		--save-exact @bufbuild/buf@$(BUF)
	mkdir -p locks/buf && cp .buf/package.json .buf/package-lock.json locks/buf

compile = .uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate $(1) -o locks/$(2).txt

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet uv==$(UV)

clean: ## what was installed and built here, away
	rm -rf .site viewer/node_modules .uv .moto .buildgrid .compilers .models $(VENV) .protoc .buf .runtimes .interpreters .torch dist
