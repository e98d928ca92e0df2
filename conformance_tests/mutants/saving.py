"""CTX, EXT and SIGN: what a save to a file appends, writes anew, and trusts."""

from mutants.mutant import Mutant as M

CONTEXT, STATE, POPULATE, SAVING = (
    "context.context",
    "context.state",
    "context.populate",
    "context.saving",
)
DESTINATION = "context.destination"

MUTANTS = (
    M("CTX-021", DESTINATION, "            self._there.follow(segment, self._tables.add(table), matches=counts)\n",
      "            self._tables.add(table)\n", "EXT-008 POP-006 CTX-012 CTX-009 CURR-006 CTX-006 CTX-023 CTX-018"),
    M("CTX-021b", "context.writing", "removed = [name for name in tombstones if name in to]",
      "removed = tombstones", ""),
    M("CTX-021c", DESTINATION, "counts = required == requirements or not", "counts = not", ""),
    M("CTX-021d", "context.writing", "                state.file.removed.pop(name, None)\n",
      "                pass\n", "POP-006 CTX-018"),
    M("CTX-021e", SAVING, "OSError):\n        return None\n", "OSError):\n        raise\n", "CTX-030"),
    M("CTX-009b", "context.pending", "        if name in self.holds:\n", "        if True:\n",
      "CTX-014 CTX-023 CTX-021"),
    M("CTX-012d", "context.pending", "            name in there.removed or name not in there.holds\n",
      "            name in there.removed\n", "CTX-009 CTX-021 CTX-023"),
    M("CTX-024b", STATE, "            if not _is_same_content(backend, self.get(name)):\n",
      "            if False:\n", "CTX-026"),
    M("CTX-024c", STATE, "if not held.backends or held.is_loaded or all(",
      "if not held.backends or all(", "POP-006"),
    M("CTX-023c", STATE, "                if self.held.get(name) is value:\n",
      "                if False:\n", "CTX-011 CTX-024 CTX-006 POP-001 DET-001 POP-006"),
    M("CTX-031b", POPULATE, "    cls = _class_of(held.type, held.kind, registry)\n",
      "    held.read()\n    cls = _class_of(held.type, held.kind, registry)\n", "POP-003"),
    M("CTX-010b", CONTEXT, "return [held for held in found if held.kind == ArtifactKind.BACKEND]",
      "return [\n            held for held in found\n"
      "            if held.kind == ArtifactKind.BACKEND and self.registry.get(held.type)\n        ]", "CTX-031"),
    M("EXT-008", SAVING, "dataclasses.replace(held, content=held.read())",
      "dataclasses.replace(held, content=held.read(), backends=())", ""),
    M("EXT-008b", "context.held", "            stored.fields,\n",
      "            tuple(f for f in stored.fields if not hasattr(f[1], \"message\")),\n",
      ""),
    M("SIGN-009", CONTEXT, "        policy: TrustPolicy = NOBODY,\n",
      '        policy: TrustPolicy = __import__("precompile_context.trust").trust.UNSIGNED,\n', ""),
    M("CURR-006e", DESTINATION, "matches=counts)", "matches=counts and not segment.begins_chain)",
      "CTX-021 CTX-012 CTX-009 CURR-003 EXT-008 POP-006"),
)  # fmt: skip
