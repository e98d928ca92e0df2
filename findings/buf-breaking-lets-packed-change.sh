#!/usr/bin/env bash
# buf breaking does not see that a repeated number is packed no longer.
#
# A good guess: its strictest category, FILE, refuses every change of what is written for the same values.
# It says nothing where `[packed = false]` is added to a repeated field, in any category: parsers take both forms. But
# the bytes of the same message become others (6 in place of 5 here), so that digests and signatures over a
# deterministic encoding change without a word. What is written has to be held by tests of bytes.
#
# Seen with @bufbuild/buf 1.75.0 and protobuf 7.36.2: rc 0 in FILE, PACKAGE, WIRE_JSON and WIRE; bytes
# 0a03010203 packed, 080108020803 unpacked.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
npm install --silent --no-fund --no-audit --prefix . @bufbuild/buf@1.75.0
python3 -m venv venv
venv/bin/python -m pip install --quiet protobuf==7.36.2
buf=node_modules/.bin/buf
mkdir proto
schema() { printf 'syntax = "proto3";\npackage t.v1;\nmessage Table {\n  repeated uint32 block = 1%s;\n}\n' "$1" >proto/t.proto; }
category() { printf 'version: v2\nbreaking:\n  use: [%s]\n' "$1" >proto/buf.yaml; }

category FILE
schema ''
"$buf" build proto -o packed.binpb
schema ' [packed = false]'
"$buf" build proto -o unpacked.binpb
for name in FILE PACKAGE WIRE_JSON WIRE; do
  category "$name"
  "$buf" breaking proto --against packed.binpb || { echo "changed: $name refuses it now" >&2; exit 1; }
  echo "$name: no word"
done

venv/bin/python - <<'PY'
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

written = {}
for name in ("packed", "unpacked"):
    files = descriptor_pb2.FileDescriptorSet.FromString(open(f"{name}.binpb", "rb").read())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(files.file[0])
    table = message_factory.GetMessageClass(pool.FindMessageTypeByName("t.v1.Table"))
    written[name] = table(block=[1, 2, 3]).SerializeToString(deterministic=True).hex()
    print(name, written[name])
assert written == {"packed": "0a03010203", "unpacked": "080108020803"}, written
PY
