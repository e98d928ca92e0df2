#!/usr/bin/env bash
# A program that imports Triton and calls gc.freeze ends with a report of leaks on standard error, and status 0.
#
# A good guess: freezing the collector, as servers do before they fork, changes nothing of what a program prints. What
# is frozen is collected at the interpreter's end neither, and the binding library of Triton's extension (nanobind)
# counts its living objects then and takes them for leaks of references. Whoever compares standard error of warm and
# cold runs, or of forked and started ones, sees lines that are nobody's fault.
#
# Seen with triton 3.9.0: "leaked 4 instances!", and types and functions below it; without gc.freeze nothing.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet triton==3.9.0
env/bin/python -c 'import triton' 2>plain
env/bin/python -c 'import gc, triton; gc.freeze()' 2>frozen
echo "plain: $(grep -c leaked plain || true) lines; frozen: $(head -n 1 frozen)"
[ ! -s plain ] && head -n 1 frozen | grep -q '^nanobind: leaked [0-9]* instances' || { echo 'changed' >&2; exit 1; }
