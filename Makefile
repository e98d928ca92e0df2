# Two commands: `make demo` and `make test`. Both set up what they need in .venv.
#
#   demo       the main job: cold, mega-cache and warm runs of a small transformer
#   test       check, then every test, the core's on every protobuf runtime
#   check      formatting, lint, types, schema, generated code
#   generate   protoc's output for Python, from proto/ into generated/
#   bench      side by side with torch's mega-cache

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# The old grpcio-tools has wheels up to Python 3.12.
PROTOC_PYTHON ?= $(shell command -v python3.11 || command -v python3.12)
BIN := .venv/bin
# The oldest runtime that ML environments pin, to the newest.
PROTOBUF_RUNTIMES := 4.25.8 5.29.5 6.33.0 7.36.2
# Code of this protoc (25.1) runs on every one of them; newer protoc's code refuses older runtimes.
GRPCIO_TOOLS := 1.62.3
BUF := 1.75.0
PYTHON_FILES := reference conformance_tests benchmarks
# All tests but those of PyTorch, of programs run, of the command line and of the wheel.
CORE_TESTS := -m 'not torch' --ignore-glob='*/test_run*.py' --ignore-glob='*/test_pytorch_*.py' \
	--ignore-glob='*/test_wheel.py' --ignore-glob='*/test_cli*.py'

.PHONY: demo test check generate bench clean
.PHONY: check-python check-generated check-schema test-all test-runtimes freeze-schema

demo: .venv/.ready
	$(BIN)/precompile demo

test: check test-all test-runtimes

check: check-python check-generated check-schema

test-all: .venv/.ready
	$(BIN)/python -m pytest

bench: .venv/.ready
	$(BIN)/python -m benchmarks

.venv/.ready: pyproject.toml constraints.txt reference/precompile_run.pth
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade -c constraints.txt pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[cli,torch,dev]'
	touch $@

check-python: .venv/.ready
	$(BIN)/ruff check $(PYTHON_FILES)
	$(BIN)/ruff format --check $(PYTHON_FILES)
	$(BIN)/mypy $(PYTHON_FILES)

# --- the schema and its code ---------------------------------------------------------------

.protoc/bin/python:
	@[ -n '$(PROTOC_PYTHON)' ] || { echo 'protoc needs Python 3.11 or 3.12' >&2; exit 1; }
	$(PROTOC_PYTHON) -m venv .protoc
	.protoc/bin/python -m pip install --quiet grpcio-tools==$(GRPCIO_TOOLS)

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
	npm install --silent --no-save --no-package-lock --prefix .buf @bufbuild/buf@$(BUF)

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
	$(BIN)/python -m pip install --quiet --no-deps --target $@ protobuf==$*

test-runtimes: $(PROTOBUF_RUNTIMES:%=.runtimes/%)
	@set -e; for version in $(PROTOBUF_RUNTIMES); do \
		echo "== protobuf $$version"; \
		PYTHONPATH=.runtimes/$$version PRECOMPILE_TEST_PROTOBUF=$$version \
			$(BIN)/python -m pytest -q -p no:cacheprovider $(CORE_TESTS); \
	done

clean:
	rm -rf .venv .protoc .buf .runtimes dist
