#!/usr/bin/env bash
# A range that a schema reserves for later fields can never be used: buf breaking refuses the field.
#
# A good guess: `reserved 16 to 31;` keeps numbers free for additions, and a later version that takes one of them out of
# the range and gives it to a field is compatible. Readers agree: the number was never on the wire. buf breaking
# does not: taking a number out of a reserved range is RESERVED_MESSAGE_NO_DELETE, in FILE and WIRE alike, since
# the range says for it what was used once and is gone. The same field in a schema that says so in a comment passes.
#
# Seen with @bufbuild/buf 1.75.0: rc 100, 'Previously present reserved range "[16,31]" on message "Table" is missing
# values: [16] were removed.'; rc 0 without the range.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
npm install --silent --no-fund --no-audit --prefix . @bufbuild/buf@1.75.0
buf=node_modules/.bin/buf
mkdir proto
schema() { printf 'syntax = "proto3";\npackage t.v1;\nmessage Table {\n  string key = 1;\n%s}\n' "$1" >proto/t.proto; }
category() { printf 'version: v2\nbreaking:\n  use: [%s]\n' "$1" >proto/buf.yaml; }

for name in FILE WIRE; do
  category "$name"
  schema $'  reserved 16 to 31;\n'
  "$buf" build proto -o before.binpb
  schema $'  string added = 16;\n  reserved 17 to 31;\n'
  status=0
  said=$("$buf" breaking proto --against before.binpb) || status=$?
  echo "$name, reserved before: rc $status: $said"
  [ "$status" -eq 100 ] && [[ $said == *'"[16,31]"'*'[16] were removed'* ]] || { echo 'changed' >&2; exit 1; }
  schema ''
  "$buf" build proto -o before.binpb
  schema $'  string added = 16;\n'
  "$buf" breaking proto --against before.binpb || { echo "changed: $name refuses a new field" >&2; exit 1; }
  echo "$name, a comment before: rc 0"
done
