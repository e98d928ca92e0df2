# Two commands: `make demo` and `make test`. Both set up what they need in .venv.
#
#   demo       the main job: cold, mega-cache and warm runs of a small transformer
#   test       check, then every test, the core's on every protobuf runtime, and conformance
#   check      formatting, lint, types, schema, generated code, SPEC.md
#   conformance the reference against SPEC.md's vectors; do they notice a check taken out?
#   test-cpp   the C++ implementation: its own tests and all vectors, under sanitizers too
#   test-typescript  the TypeScript implementation: its own tests, the vectors, a browser
#   interop    who writes what, all others read: all implementations that could be built
#   vectors    make the vectors of version 1.0 anew, from conformance_tests/builders/
#   generate   protoc's output for Python, from proto/ into generated/
#   bench      side by side with torch's mega-cache and the machine's limits
#   fuzz       all that reads foreign bytes, for FUZZ_SECONDS (600) altogether
#   crash      CRASH_RUNS (1000) processes killed at work, CRASH_STATES (200) power cuts a moment
#   stress     many processes on one file, many threads on one context
#   test-torch the adapter's tests with another torch, TORCH=2.14.1: gigabytes where it is for CUDA
#   ranks      eight ranks that torchrun starts: one bundle for all, and one each, merged
#   lock       locks/ anew: what is installed, every file by its hash

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# The old grpcio-tools has wheels up to Python 3.12.
PROTOC_PYTHON ?= $(shell command -v python3.11 || command -v python3.12)
BIN := .venv/bin
# The oldest runtime that ML environments pin, to the newest.
PROTOBUF_RUNTIMES := 4.25.8 5.29.5 6.33.0 7.36.2
# Code of this protoc runs on every one of them; newer protoc's code refuses older runtimes.
PROTOC := 25.1
GRPCIO_TOOLS := 1.62.3
BUF := 1.75.0
UV := 0.13.9
ATHERIS := 3.0.0
# Nothing is installed but the files whose hashes stand in locks/.
LOCKED := install --quiet --no-deps --require-hashes
PYTHON_FILES := reference conformance_tests benchmarks fuzz examples
FUZZ_SECONDS ?= 600
CRASH_RUNS ?= 1000
CRASH_STATES ?= 200
# All tests but those of PyTorch, of programs run, of the command line, of the wheel, and of
# what the disk and other processes do.
CORE_TESTS := -m 'not torch' --ignore-glob='*/test_run*.py' --ignore-glob='*/test_pytorch_*.py' \
	--ignore-glob='*/test_wheel.py' --ignore-glob='*/test_cli*.py' \
	--ignore-glob='*/test_crash_*.py' --ignore-glob='*/test_concurrency.py' \
	--ignore-glob='*/test_fork.py' --ignore-glob='*/self_tests/*'

TORCH ?= 2.14.1

.DELETE_ON_ERROR:

.PHONY: demo test check conformance vectors generate bench fuzz crash stress ranks clean
.PHONY: check-python check-generated check-schema check-spec test-all test-fuzz test-runtimes
.PHONY: freeze-schema check-instructions test-cpp run-cpp fuzz-cpp

demo: .venv/.ready
	$(BIN)/precompile demo

test: check test-all test-fuzz test-runtimes conformance test-cpp test-typescript interop \
	check-instructions

check: check-python check-generated check-schema check-spec

test-all: .venv/.ready
	$(BIN)/python -m pytest

# A mutant is the reference with one check taken out; `--all` (10 minutes) runs each with all cases.
conformance: .venv/.ready
	$(BIN)/precompile-conformance check
	$(BIN)/precompile-conformance run --trace --jobs 2
	$(BIN)/precompile-conformance run --testee '$(BIN)/python conformance_tests/testees/stdlib'
	$(BIN)/precompile-conformance explore --seconds 20 --testee '$(BIN)/python -m testees.reference' \
		--testee '$(BIN)/python conformance_tests/testees/stdlib'
	$(BIN)/python -m mutants.check

TYPESCRIPT := conformance_tests/testees/typescript
NODE_IS_RECENT := const [a, b] = process.versions.node.split("."); process.exit(a * 100 + +b < 2019 ? 1 : 0)

.PHONY: test-typescript run-typescript run-browser
test-typescript: .venv/.ready
	@if command -v npm >/dev/null && node -e '$(NODE_IS_RECENT)'; then \
		$(MAKE) --no-print-directory run-typescript; \
	else echo 'NOT RUN: the TypeScript implementation, which needs npm and Node 20.19' >&2; fi

run-typescript: $(TYPESCRIPT)/node_modules/.package-lock.json
	npm test --silent --prefix $(TYPESCRIPT)
	@if command -v chromium >/dev/null; then $(MAKE) --no-print-directory run-browser; \
	else echo 'NOT RUN: TypeScript in a browser, because chromium is missing' >&2; fi
	$(BIN)/precompile-conformance run --testee 'node $(TYPESCRIPT)/dist/testee/main.js'

run-browser:
	node $(TYPESCRIPT)/test/browser.mjs chromium

$(TYPESCRIPT)/node_modules/.package-lock.json: $(TYPESCRIPT)/package.json $(TYPESCRIPT)/package-lock.json
	npm ci --silent --prefix $(TYPESCRIPT)

vectors: .venv/.ready
	$(BIN)/python -m builders

# BENCH='--full' adds the workloads of gigabytes.
bench: .venv/.bench
	$(BIN)/python -m benchmarks $(BENCH)

.venv/.bench: .venv/.ready locks/bench.txt
	$(BIN)/python -m pip $(LOCKED) -r locks/bench.txt
	touch $@

# Counts of instructions: the same on every run, whatever else the machine does.
check-instructions: .venv/.ready
	$(BIN)/python -m benchmarks.instructions

# --- reliability ---------------------------------------------------------------------------

fuzz: .venv/.fuzz
	$(BIN)/python -m fuzz dearest
	$(BIN)/python -m fuzz run --seconds $(FUZZ_SECONDS)

test-fuzz: .venv/.fuzz
	$(BIN)/python -m fuzz dearest
	$(BIN)/python -m fuzz run --seconds 40

crash: .venv/.ready
	PRECOMPILE_CRASH_RUNS=$(CRASH_RUNS) PRECOMPILE_CRASH_STATES=$(CRASH_STATES) \
		$(BIN)/python -m pytest -q -s reference/tests/test_crash_*.py

stress: .venv/.ready
	PRECOMPILE_STRESS=1 $(BIN)/python -m pytest -q -s reference/tests/test_concurrency.py

.PHONY: test-torch
test-torch: .torch/$(TORCH)/.ready
	.torch/$(TORCH)/bin/python -c 'import torch; print("torch", torch.__version__)'
	.torch/$(TORCH)/bin/python -m pytest -q -p no:cacheprovider -m torch

.torch/%/.ready: pyproject.toml locks/python.txt
	$(PYTHON) -m venv .torch/$*
	.torch/$*/bin/python -m pip $(LOCKED) -r locks/python.txt
	.torch/$*/bin/python -m pip install --quiet torch==$*
	.torch/$*/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

# Minutes: forty interpreters that import torch. `make test` forks the ranks.
ranks: .venv/.ready
	PRECOMPILE_TORCHRUN=1 $(BIN)/python -m pytest -v reference/tests/test_pytorch_job.py

# atheris has wheels for some machines, and building it needs clang.
.venv/.fuzz: .venv/.ready locks/fuzz.txt
	$(BIN)/python -m pip $(LOCKED) --only-binary :all: -r locks/fuzz.txt || \
		echo 'NOT RUN: fuzzing, because there is no wheel of atheris for this machine' >&2
	touch $@

# --- the environment -----------------------------------------------------------------------

# torch is pinned by its version alone: which of its builds is taken depends on where pip looks.
.venv/.ready: pyproject.toml constraints.txt locks/python.txt reference/precompile_run.pth
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip $(LOCKED) -r locks/python.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	$(BIN)/python -m pip check
	touch $@

check-python: .venv/.ready
	$(BIN)/ruff check $(PYTHON_FILES)
	$(BIN)/ruff format --check $(PYTHON_FILES)
	$(BIN)/mypy $(PYTHON_FILES)

check-spec: .venv/.ready
	$(BIN)/python -m precompile_conformance.spec lint

# --- C++ -----------------------------------------------------------------------------------

CPP := conformance_tests/testees/cpp
CPP_FUZZ_SECONDS ?= 60
CPP_HEADERS := zstd.h openssl/evp.h google/protobuf/message.h gtest/gtest.h

test-cpp:
	@if command -v cmake >/dev/null && command -v protoc >/dev/null && \
		printf '#include <%s>\n' $(CPP_HEADERS) | c++ -std=c++17 -fsyntax-only -x c++ - 2>/dev/null; \
	then $(MAKE) --no-print-directory run-cpp; \
	else echo 'NOT RUN: the C++ implementation, which needs cmake, c++, protoc and the headers' \
		'$(CPP_HEADERS)' >&2; fi

run-cpp: .venv/.ready
	cmake -S $(CPP) -B $(CPP)/build
	cmake --build $(CPP)/build --parallel 2
	cmake -S $(CPP) -B $(CPP)/build/sanitize -DPRECOMPILE_SANITIZE=ON
	cmake --build $(CPP)/build/sanitize --parallel 2
	set -e; for build in build build/sanitize; do \
		$(CPP)/$$build/unit_tests; \
		$(BIN)/precompile-conformance run --jobs 2 --testee $(CPP)/$$build/testee; \
	done
	@if command -v clang++ >/dev/null; then $(MAKE) --no-print-directory fuzz-cpp; \
	else echo 'NOT RUN: the fuzzer of the C++ implementation, because clang++ is missing' >&2; fi

# Begins with every input of the vectors; what it finds goes on from there the next time.
fuzz-cpp:
	cmake -S $(CPP) -B $(CPP)/build/fuzz -DPRECOMPILE_FUZZ=ON -DCMAKE_CXX_COMPILER=clang++
	cmake --build $(CPP)/build/fuzz --target fuzz --parallel 2
	mkdir -p $(CPP)/build/corpus
	$(CPP)/build/fuzz/fuzz -max_total_time=$(CPP_FUZZ_SECONDS) -max_len=4096 \
		-dict=$(CPP)/fuzz/bundle.dict -artifact_prefix=$(CPP)/build/ \
		$(CPP)/build/corpus conformance_tests/vectors

# --- all implementations together ------------------------------------------------------------

INTEROP_COPIES ?= 1
EXPLORE_SECONDS ?= 30

# What test-cpp and test-typescript could not build is left out, and said.
.PHONY: interop
interop: .venv/.ready test-cpp test-typescript
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
	.protoc/bin/python -m pip $(LOCKED) -r locks/protoc.txt
	[ "$$(.protoc/bin/python -m grpc_tools.protoc --version)" = 'libprotoc $(PROTOC)' ]

generate: .protoc/bin/python
	rm -rf generated/precompile
	$(call protoc,generated)

check-generated:
	@if [ -n '$(PROTOC_PYTHON)' ]; then $(MAKE) --no-print-directory compare-generated; \
	else echo 'NOT RUN: comparing generated code, which needs Python 3.11 or 3.12' >&2; fi

.PHONY: compare-generated
compare-generated: .protoc/bin/python
	rm -rf .protoc/out && mkdir .protoc/out
	$(call protoc,.protoc/out)
	diff -r -x __pycache__ generated .protoc/out

protoc = find proto -name '*.proto' | sort | xargs .protoc/bin/python -m grpc_tools.protoc \
	-Iproto --python_out=$(1) --pyi_out=$(1)

.buf/node_modules/.bin/buf:
	mkdir -p .buf && cp locks/buf/package.json locks/buf/package-lock.json .buf
	npm ci --silent --prefix .buf

# proto/v1.binpb is written by freeze-schema on the day that version 1 is frozen.
check-schema:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory run-buf; \
	else echo 'NOT RUN: buf lint and buf breaking, because npm is missing' >&2; fi

.PHONY: run-buf
run-buf: .buf/node_modules/.bin/buf
	.buf/node_modules/.bin/buf lint proto
	@if [ -e proto/v1.binpb ]; then \
		.buf/node_modules/.bin/buf breaking proto --against proto/v1.binpb; \
	else echo 'buf breaking: version 1 is not frozen yet, there is nothing to compare with'; fi

freeze-schema: .buf/node_modules/.bin/buf
	.buf/node_modules/.bin/buf build proto -o proto/v1.binpb

# --- the core on other runtimes ------------------------------------------------------------

.runtimes/%: .venv/.ready
	$(BIN)/python -m pip $(LOCKED) --target $@ -r locks/protobuf-$*.txt

test-runtimes: $(PROTOBUF_RUNTIMES:%=.runtimes/%)
	@set -e; for version in $(PROTOBUF_RUNTIMES); do \
		echo "== protobuf $$version"; \
		PYTHONPATH=.runtimes/$$version PRECOMPILE_TEST_PROTOBUF=$$version \
			$(BIN)/python -m pytest -q -p no:cacheprovider $(CORE_TESTS); \
	done

# --- locks --------------------------------------------------------------------------------

.PHONY: lock
lock: .uv/bin/uv
	$(call compile,--extra cli --extra dev -c constraints.txt pyproject.toml locks/python.in,python)
	$(call compile,--extra bench -c constraints.txt pyproject.toml,bench)
	echo grpcio-tools==$(GRPCIO_TOOLS) | $(call compile,-,protoc)
	echo atheris==$(ATHERIS) | $(call compile,-,fuzz)
	$(foreach version,$(PROTOBUF_RUNTIMES),\
		echo protobuf==$(version) | $(call compile,-,protobuf-$(version)) &&) true
	rm -rf .buf && mkdir .buf
	npm install --silent --prefix .buf --package-lock-only --omit-lockfile-registry-resolved \
		--save-exact @bufbuild/buf@$(BUF)
	mkdir -p locks/buf && cp .buf/package.json .buf/package-lock.json locks/buf

compile = .uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate $(1) -o locks/$(2).txt

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet uv==$(UV)

clean:
	rm -rf .uv .venv .protoc .buf .runtimes .torch dist
