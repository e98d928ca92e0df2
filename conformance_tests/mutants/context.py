"""CTX and POP: the operations of a context, and what populate does."""

from mutants.mutant import Mutant as M

CONTEXT, STATE, POPULATE, ARTIFACT = (
    "context.context",
    "context.state",
    "context.populate",
    "artifact",
)
RECORDING, WRITING, PENDING, SERIALIZED = (
    "context.recording",
    "context.writing",
    "context.pending",
    "context.serialized",
)

MUTANTS = (
    M("CTX-002", CONTEXT, "        matching = bundle.matching(self.environment)\n",
      "        self._state.serialized = self._state.serialized.with_loaded(bundle)[0]\n"
      "        matching = bundle.matching(self.environment)\n", "CTX-026 HOST-005"),
    M("CTX-003", ARTIFACT, "if type_name in self._classes:", "if False:", "CTX-002"),
    M("CTX-004", CONTEXT, "                and key_fault(key)\n            ):\n",
      "                and False\n            ):\n",
      "CTX-002 NAME-004"),
    M("CTX-004c", RECORDING, '    if fault := key_fault(key):\n        raise MisuseError(f"key',
      '    if (fault := key_fault(key)) and False:\n        raise MisuseError(f"key',
      "CTX-002 NAME-004"),
    M("CTX-004b", RECORDING, '    except Exception as error:  # the class\'s own checks',
      '    except ZeroDivisionError as error:  # the class\'s own checks', "CTX-002",
      may_crash=True),
    M("CTX-005", RECORDING, "cls is None or cls.KIND is not ArtifactKind.BACKEND",
      "False", "CTX-002"),
    M("CTX-007", STATE,
      "        self.held[name] = value\n        self._version += 1\n        if isinstance(value, Held) and value.backends:\n            self._name_",
      "        self.held.pop(name, None)\n        self.held[name] = value\n        self._version += 1\n"
      "        if isinstance(value, Held) and value.backends:\n            self._name_",
      "CTX-011 CTX-012 CTX-018 CTX-023 CTX-024 CTX-026 CTX-028 CTX-029 CURR-004 POP-006 CTX-006 CTX-027"
      " ART-006 CTX-017 DET-004 CTX-021"),
    M("CTX-009", PENDING, "        if name in self.holds:\n", "        if False:\n",
      "CTX-012 CTX-018 CTX-027 DET-005 CURR-004 CTX-007 CTX-026 "
      "CTX-023 CTX-025"),
    M("CTX-010", CONTEXT, "        if len(found) != 1:\n", "        if not found:\n", "CTX-002"
      " CTX-013"),
    M("CTX-011", STATE, "backends = tuple(held.id if id_ == before else id_ for id_ in "
      "entry.backends)", "backends = entry.backends", "CTX-012 CTX-027 "
      "CTX-030"),
    M("CTX-012", PENDING, "if not self.changed.isdisjoint(other.changed):",
      "if self.changed & other.changed - self.holds:",
      "CTX-006 CTX-007 CTX-011 CTX-017 CTX-024 CTX-023 ART-006 CTX-018 CTX-027 POP-006"),
    M("CTX-012b", STATE,
      "            self.memory.changed.discard(name)  # back to what was seri"
      "alized\n",
      "            self.memory.changed.add(name)\n",
      "CTX-018 CTX-006 CTX-023 CTX-028 "
      "POP-006"),
    M("CTX-013", CONTEXT, "return [held for held in found if held.kind == ArtifactKind.BACKEND]",
      "changed = self._state.memory.changed\n        return [\n            held for held in found\n"
      "            if held.kind == ArtifactKind.BACKEND and held.name in changed\n        ]",
      "CTX-011 CTX-027 CTX-002 CTX-012 CTX-030 POP-006 CTX-010 CTX-031 CTX-018 CTX-023"),
    M("CTX-014", CONTEXT, "            self._states[-1].state = State()\n",
      "            held = self._states[-1].state.held.clear()\n", "CTX-015"),
    M("CTX-015", CONTEXT, "                self._states.remove(box)\n", "                pass\n",
      "CTX-014"),
    M("CTX-015b", CONTEXT, "        box = _Box(State())\n", "        box = _Box(self._state)\n",
      "CTX-014"),
    M("CTX-016", STATE,
      "        loaded = {name: first + row for name, row in rows.items()} if first else dict(rows)\n",
      "        loaded = {\n            name: first + row for name, row in rows.items()\n"
      "            if not name[0].startswith('vendor') and known.kind(first + row) in (1, 2, 3)\n        }\n",
      "CTX-031 EXT-003 EXT-004 POP-003 POP-006 CTX-011 CTX-010 CTX-013 EXT-008"),
    M("CTX-017", POPULATE, "if name in known and not isinstance(value, OpaqueValue)\n",
      "if name in known and not isinstance(value, (OpaqueValue, int))\n", "ART-006 POP-001"),
    M("CTX-018", STATE,
      "return {name: value for name, value in resolved if name in changed or name in removed}",
      "return dict(resolved)",
      "CTX-007 CTX-011 CTX-012 CTX-019 CTX-020 CTX-023 CTX-024 CTX-026 CTX-02"
      "7 CTX-029 CTX-009 CURR-004 DET-005 POP-006 ART-006 CTX-006 CTX-016 CTX"
      "-017 HOST-006 EXT-003 EXT-004 CTX-028 CTX-031 CTX-010 CURR-006"),
    M("CTX-019", WRITING, "            if not new and not removed:\n",
      "            if not new and not removed and not state.serialized:\n",
      "CTX-006 CTX-012 CTX-018 CTX-020 CTX-026 CTX-027 CTX-028 CTX-015 CTX-002 EXT-007 CTX-030"
      " RECV-002 CTX-029 CTX-014"),
    M("CTX-023", STATE,
      "if not held.backends or held.is_loaded or all(b.content_digest for b i"
      "n held.backends):",
      "if True:",
      "CTX-024 CTX-011 POP-001 POP-006 ART-001 CTX-012 CTX-006 DET-001 CTX-01"
      "9 CTX-027 POP-002 POP-004 CTX-007"),
    M("CTX-024", STATE,
      "            self._changed(entry.name)\n",
      "            pass\n",
      "CTX-023 CTX-026"),
    M("CTX-026", CONTEXT, "        matching = bundle.matching(self.environment)\n",
      "        matching = bundle.segments\n", "CTX-027 HOST-005 HOST-006 "
      "CTX-021"),
    M("CTX-027", SERIALIZED, "segment = bundle.source, 0, bundle.size\n",
      "segment = bundle.source, 0, 0\n", "CTX-018 CTX-026 CTX-028 CTX-029 CTX-009 CTX-011 CTX-012 CTX-016 CTX-031"
      " EXT-003 EXT-004 EXT-007 CTX-030 RECV-002 HOST-006 APPD-010 CTX-014 "
      "POP-006"),
    M("CTX-028", SERIALIZED, "if self._digests[len(self._digests) - len(loaded) :] == loaded:",
      "if False:"),
    M("CTX-028b", SERIALIZED, "return Serialized((segment,), loaded, bundle), True",
      "return Serialized((*self._segments, segment), (*self._digests, *loaded), bundle), True",
      "CTX-026 CTX-012 CURR-006 CTX-029"),
    M("CTX-029", STATE,
      "            self.held |= loaded\n",
      "            ours = {n for n, value in self.held.items() if not isinstance(value, int)}\n"
      "            self.held |= {n: value for n, value in loaded.items() if n not in ours}\n",
      "CTX-026 CTX-028 APPD-010 CTX-012 CURR-006 CTX-023 CTX-024"),
    M("CTX-030", STATE,
      "            self.held |= loaded\n",
      "            [self.loaded.held(*one).read() for one in loaded.items()]\n            self.held |= loaded\n",
      "CTX-002 CTX-027 POP-005 POP-002 POP-006 POP-009 "
      "POP-003 CTX-031 CONT-001 CTX-021 CTX-018"),
    M("CTX-031", POPULATE, "if cls is None or kind != cls.KIND:", "if cls is None:",
      "POP-003"),
    M("EXT-007", POPULATE, " and not isinstance(value, OpaqueValue)", "", may_crash=True),
    M("POP-001", POPULATE, "        self._attempt(caches, ", "        self._attempt(reversed(caches), ",
      "POP-002 POP-003 POP-004 POP-005 POP-009 EXT-003 CTX-026"),
    M("POP-002", POPULATE, "                # [PCB-POP-005]\n", "                if self._applied:\n"
      "                    raise\n                # [PCB-POP-005]\n", "POP-004 POP-005 POP-006 POP-003"
      " EXT-003 POP-009"),
    M("POP-003", POPULATE, "cls is None or kind != cls.KIND", "cls is None", "CTX-031"),
    M("POP-004", POPULATE, 'return PrecompileError(ErrorCode.APPLY_FAILED, f"{type(error)',
      'return PrecompileError(ErrorCode.UNKNOWN_ARTIFACT_TYPE, f"{type(error)', "POP-002"),
    M("POP-005", POPULATE, "                self._refuse(name, error)\n            except OSError",
      "                self._refuse(name, error if error.code < 600 or error.code > 700 else "
      "_apply_failed(error))\n            except OSError", "POP-002 POP-006 POP-009"),
    M("POP-006", POPULATE, "backend.kind == ArtifactKind.BACKEND and backend.digest == digest",
      "backend.kind == ArtifactKind.BACKEND", "CTX-023 CTX-011 CTX-018 CTX-024"),
    M("POP-006b", POPULATE, "backend.kind == ArtifactKind.BACKEND and backend.digest == digest",
      "backend.digest == digest", "POP-003"),
    M("POP-009", "context.held", "        content = bundle.read_row(segment, row)\n",
      "        one = table.artifact(row)\n        raw = bytes(bundle._content._raw(one)) if one.content_size else b''\n"
      "        content = raw[one.offset : one.offset + one.content_size]\n",
      "POP-005 POP-002 POP-006 CTX-030 POP-001 POP-003 SEC-001 CONT-001 CTX-021 EXT-003 CTX-017"),
    M("CTX-006", "bundle.stored", "type(value).__name__, _bits(value)",
      "'', _bits(value) if isinstance(value, float) else str(int(value)).encode() if "
      "isinstance(value, (bool, int)) else _bits(value)", "CTX-017"),
    M("CTX-006b", STATE,
      "        # [PCB-CTX-006]\n        if self._is_current(name, value):\n",
      "        if current := self.held.pop(name, None):\n            self.held[name] = current\n"
      "        if self._is_current(name, value):\n",
      "CTX-007 CTX-011 CTX-012 CTX-023 CTX-024 POP-006 CTX-026 CTX-029 CTX-01"
      "8 DET-004 CTX-021"),
    M("CTX-023b", STATE,
      "                self.held[name] = value\n                self._version += 1\n            return",
      "                pass\n            return",
      "CTX-024 CTX-026"),
    M("CTX-025", WRITING, "                requirements=self.requirements,\n",
      "                requirements=(),\n", "REQ-001 REQ-003 SEC-003 CTX-027 HOST-006 HOST-005"
      " CTX-026 "
      "CTX-021"),
    M("CTX-026b", STATE, "                self._take_away(matching, rows)\n", "                pass\n",
      "CTX-012 CURR-006 CTX-024 CTX-023 CTX-006 CTX-018 CTX-029", may_crash=True),
    M("CTX-026c", STATE, "            if continues:\n                self._take_away(matching, rows)\n",
      "            self._take_away(matching, rows)\n",
      "CTX-012 CURR-006 CTX-028 CTX-021"),
    M("CTX-026d", STATE, "if name in self.held and self._is_saved(name):", "if name in self.held:",
      "CTX-012 CURR-006 CTX-018"),
    M("CTX-026e", STATE, "                del self.saved[name]\n", "                pass\n", "CTX-012 CURR-006 CTX-018",
      may_crash=True),
    M("CTX-026f", STATE, "            for name in gone.intersection(segment.manifest.artifacts.names()):\n",
      "            for name in tuple(gone):\n", "CTX-012 CURR-006 HOST-006 CTX-025"),
)  # fmt: skip
