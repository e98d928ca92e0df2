"""CTX, EXT and SIGN: what a save to a file appends, writes anew, and trusts."""

from mutants.mutant import Mutant as M

CONTEXT, STATE, POPULATE, SAVING = "context", "state", "populate", "saving"
DESTINATION = "destination"

MUTANTS = (
    M("CTX-021", DESTINATION, "                self.there |= stored\n",
      "                pass\n", "EXT-008 POP-006 CTX-012"),
    M("CTX-021b", CONTEXT, "removed = [name for name in tombstones if name in to.there]",
      "removed = tombstones", ""),
    M("CTX-021c", DESTINATION, "if manifest.requirements == requirements or not", "if not", ""),
    M("CTX-021d", CONTEXT, "                    state.file.removed.pop(name, None)\n",
      "                    pass\n", "POP-006 CTX-018"),
    M("CTX-021e", SAVING, "OSError):\n        return None\n", "OSError):\n        raise\n", "CTX-030"),
    M("CTX-009b", STATE, "            if name in pending.holds:\n", "            if True:\n",
      "CTX-014 CTX-023 CTX-021"),
    M("CTX-012c", STATE,
      "        self.saved.pop(name, None)\n        for pending in (self.memory, self.file):\n"
      "            pending.changed.discard(name)\n",
      "        self.saved.pop(name, None)\n", ""),
    M("CTX-012d", STATE, "            name in other.removed or name not in other.holds\n",
      "            name in other.removed\n", "CTX-009 CTX-021 CTX-023"),
    M("CTX-024b", STATE, "            if not _is_same_content(backend, self.held.get(name)):\n",
      "            if False:\n", ""),
    M("CTX-024c", STATE, "if not held.backends or held.is_loaded or all(",
      "if not held.backends or all(", "POP-006"),
    M("CTX-023c", STATE, "                if self.held.get(name) is held:\n",
      "                if False:\n", "CTX-011 CTX-024 CTX-006 POP-001 DET-001"),
    M("CTX-031b", POPULATE, "    try:\n        cls = registry.get(held.type)\n",
      "    held.read()\n    try:\n        cls = registry.get(held.type)\n", "POP-003"),
    M("CTX-010b", CONTEXT, "held.kind == ArtifactKind.BACKEND\n            ]",
      "held.kind == ArtifactKind.BACKEND and self.registry.get(held.type)\n            ]", "CTX-031"),
    M("EXT-008", SAVING, "content=held.read(), bundle=None)",
      "content=held.read(), bundle=None, backends=())", ""),
    M("EXT-008b", "held", "            stored.fields,\n",
      "            tuple(f for f in stored.fields if not hasattr(f[1], \"message\")),\n",
      ""),
    M("SIGN-009", CONTEXT, "        policy: TrustPolicy = NOBODY,\n",
      '        policy: TrustPolicy = __import__("precompile_context.trust").trust.UNSIGNED,\n', ""),
)  # fmt: skip
