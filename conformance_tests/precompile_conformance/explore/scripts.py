"""Scripts of context operations as hypothesis makes them, over a few names and contents."""

from hypothesis import strategies as st

from precompile.conformance.v1 import reading_pb2, script_pb2
from precompile.v1 import artifact_pb2

BLOB, GRAPH, STEP = "test.blob", "test.graph", "test.step"
KINDS = {BLOB: 1, GRAPH: 2, STEP: 3}
REFUSED = b"refused"
TYPES = st.sampled_from([BLOB, GRAPH, STEP])
KEYS = st.sampled_from(["a", "b", "c"])
ODD_KEYS = st.sampled_from(["a", "b", "", "a\n"])
CONTENTS = st.sampled_from([b"", b"1", b"2", REFUSED])
HOSTS = {"here": ["h100"], "there": ["a100"], "any": None}


def _record(type_name: str, key: str, content: bytes, backends: list[str], guard: str | None
            ) -> script_pb2.Step:  # fmt: skip
    step = script_pb2.Step()
    step.record.CopyFrom(script_pb2.Record(type=type_name, key=key, content=content))
    if type_name == STEP or key == "c":
        for backend in backends:
            step.record.backends.add(type=GRAPH, key=backend)
    if guard is not None:
        step.record.fields.append(artifact_pb2.Attribute(name="guard", string_value=guard))
    return step


def _use(name: str) -> script_pb2.Step:
    step = script_pb2.Step()
    step.use_context.name = name
    if HOSTS[name] is not None:
        step.use_context.host.CopyFrom(
            reading_pb2.Host(facts=[reading_pb2.Fact(name="gpu", values=HOSTS[name])])
        )
    return step


STEPS = st.one_of(
    st.builds(_record, TYPES, KEYS, CONTENTS, st.lists(KEYS, max_size=2), st.none()),
    st.builds(_record, st.just(STEP), KEYS, CONTENTS, st.lists(KEYS, max_size=2),
              st.sampled_from([None, "x", "y"])),
    st.builds(_record, TYPES, ODD_KEYS, CONTENTS, st.just([]), st.sampled_from([None, "x"])),
    st.builds(lambda t, k: script_pb2.Step(remove=script_pb2.Remove(type=t, key=k)), TYPES, KEYS),
    st.builds(lambda k, c, f: script_pb2.Step(edit=script_pb2.Edit(key=k, content=c, fails=f)),
              KEYS, CONTENTS, st.sampled_from([False, False, True])),
    st.builds(lambda t, k: script_pb2.Step(lookup=script_pb2.Lookup(type=t, key=k)), TYPES, KEYS),
    st.builds(lambda k: script_pb2.Step(find_backend=script_pb2.FindBackend(key=k)), KEYS),
    st.just(script_pb2.Step(serialize=script_pb2.Serialize())),
    st.just(script_pb2.Step(serialize=script_pb2.Serialize())),
    st.builds(lambda n: script_pb2.Step(load=script_pb2.Load(step=n)), st.integers(0, 9)),
    st.just(script_pb2.Step(populate=script_pb2.Populate())),
    st.just(script_pb2.Step(clear=script_pb2.Clear())),
    st.just(script_pb2.Step(enter_fresh=script_pb2.EnterFresh())),
    st.builds(lambda e: script_pb2.Step(leave_fresh=script_pb2.LeaveFresh(by_error=e)),
              st.booleans()),
    st.sampled_from(sorted(HOSTS)).map(_use),
)  # fmt: skip


@st.composite
def scripts(draw: st.DrawFn) -> script_pb2.ScriptRequest:
    """A script that can be carried out: loads name bundles that are there, blocks are left once.

    A load's number counts back over the serialize steps that gave a bundle; which ones
    did, the model says.
    """
    request = script_pb2.ScriptRequest()
    known: set[str] = set()
    depth: dict[str, int] = {}
    name = ""
    serialized: list[int] = []
    recorded: set[str] = set()
    for step in [_use("any"), *draw(st.lists(STEPS, max_size=14))]:
        which = step.WhichOneof("step")
        if which == "use_context":
            name = step.use_context.name
        elif which == "leave_fresh":
            if not depth.get(name):
                continue
            depth[name] -= 1
        elif which == "enter_fresh":
            depth[name] = depth.get(name, 0) + 1
        elif which == "load" and not serialized:
            continue
        added = request.steps.add()
        added.CopyFrom(step)
        if which == "load":
            added.load.step = serialized[-1 - step.load.step % len(serialized)]
        if which == "record":
            recorded.add(name)
        if which == "use_context" and name not in known:
            known.add(name)
            for type_name, kind in KINDS.items():
                register = request.steps.add().register
                register.type, register.kind, register.fails_on = type_name, kind, REFUSED  # type: ignore[assignment]
                if type_name == STEP:
                    register.fields.append(artifact_pb2.Attribute(name="guard", string_value=""))
        if which == "serialize":
            serialized.append(len(request.steps) - 1)
    return request
