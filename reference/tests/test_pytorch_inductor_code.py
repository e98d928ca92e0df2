"""What the program has inductor call counts with its code, whatever it says of itself."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.forking import Interpreters
from tests.programs import Programs, variant

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

from precompile_context.adapters.pytorch.precompile import inductor_code  # noqa: E402


def _made(text: str) -> Any:
    space: dict[str, Any] = {"__name__": __name__}
    exec(text, space)
    return space["made"]


PASS = """
from torch._inductor.custom_graph_pass import CustomGraphPass
class Pass(CustomGraphPass):
    times = {number}
    def __call__(self, *arguments):
        return {number}
    def uuid(self):
        return "the same"
made = Pass()
"""
FUNCTION = """
def made(*arguments):
    return {number}
"""
LISTED = f"{FUNCTION}made = [made, 'sink_waits']"
CLASS = """
class made:
    times = {number}
    def generate(self):
        return {number}
"""
SETTINGS = {
    "pre_grad_custom_pass": PASS,
    "joint_custom_pre_pass": PASS,
    "joint_custom_post_pass": PASS,
    "post_grad_custom_pre_pass": PASS,
    "post_grad_custom_post_pass": PASS,
    "_pre_fusion_custom_pass": FUNCTION,
    "_post_fusion_custom_pass": FUNCTION,
    "_fuse_ddp_communication_passes": LISTED,
    "reorder_for_compute_comm_overlap_passes": LISTED,
    "bucket_all_gathers_fx_bucket_size_determinator": FUNCTION,
    "bucket_reduce_scatters_fx_bucket_size_determinator": FUNCTION,
    "bucket_all_reduces_fx_bucket_size_determinator": FUNCTION,
    "aten_distributed_optimizations.custom_runtime_estimation": FUNCTION,
    "custom_partitioner_fn": FUNCTION,
    "cudagraph_policy": CLASS,
    "external_matmul": LISTED,
    "inductor_choices_class": CLASS,
}


def _assert_told(put: Callable[[Any], str], text: str) -> None:
    """Equal code of two objects has one digest, and other code another one."""
    first, again, other = (put(_made(text.format(number=number))) for number in (1, 1, 2))
    assert first == again != ""
    assert other not in ("", first)


def test_nothing_counts_in_most_programs() -> None:
    from torch._inductor.codegen.common import init_backend_registration

    init_backend_registration()
    assert (inductor_code.is_there(), inductor_code.inductor_code_digest()) == (False, "")


@pytest.mark.parametrize("name", SETTINGS)
def test_what_a_setting_holds_is_told_by_its_code(name: str) -> None:
    from torch._inductor import config

    _assert_of_setting(config, name, SETTINGS[name])


def test_a_pass_of_aot_autograds_is_told_by_its_code() -> None:
    from torch._functorch import config

    _assert_of_setting(config, "joint_custom_pass", FUNCTION)


def _assert_of_setting(config: Any, name: str, text: str) -> None:
    def put(value: Any) -> str:
        with config.patch({name: value}):
            assert inductor_code.is_there()
            return inductor_code.inductor_code_digest()

    _assert_told(put, text)


@pytest.mark.parametrize(
    ("place", "text"),
    [("scheduling", CLASS), ("wrapper", CLASS), ("pass", PASS), ("operations", CLASS)],
)
def test_what_is_registered_for_a_device_is_told_by_its_code(
    place: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch._inductor.codegen import common

    for table in ("device_codegens", "device_op_overrides_dict", "custom_backend_passes"):
        monkeypatch.setattr(common, table, {})

    def put(value: Any) -> str:
        register: Any = common.register_backend_for_device
        found = {name: value if name == place else None for name in ("scheduling", "wrapper")}
        register("own", *found.values(), device_custom_pass=value if place == "pass" else None)
        if place == "operations":
            common.register_device_op_overrides("own", value())
        return inductor_code.inductor_code_digest()

    _assert_told(put, text)


@pytest.mark.parametrize("table", ["_maybe_layout_constraints", "noop_registry"])
def test_what_is_said_of_an_operator_is_told_by_its_code(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch._inductor import lowering
    from torch._inductor.fx_passes import post_grad

    registered = {**vars(lowering), **vars(post_grad)}[table]

    def put(value: Any) -> str:
        monkeypatch.setitem(registered, torch.ops.aten.mm.default, value)
        return inductor_code.inductor_code_digest()

    _assert_told(put, FUNCTION)
    _assert_told(put, "def made():\n    return {number}\nmade = made, 0")


def test_settings_of_a_device_s_backend_count(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor.codegen import common

    def put(times: int) -> str:
        settings = SimpleNamespace(_get_dict=lambda: {"times": times})
        monkeypatch.setattr(common, "custom_backend_codegen_configs", {"own": settings})
        return inductor_code.inductor_code_digest()

    assert put(1) == put(1) != ""
    assert put(2) not in (put(1), "")


PROGRAM = """\
import torch
from torch._inductor.custom_graph_pass import CustomGraphPass

class Pass(CustomGraphPass):
    def __init__(self, times):
        self.times = times

    def __call__(self, graph):
        for node in graph.nodes:
            if "addmm" in str(node.target):
                node.kwargs = {**node.kwargs, "alpha": self.times «+¦-» 1}

    def uuid(self):
        return "the same"

@torch.compile(options={"post_grad_custom_pre_pass": Pass(«1¦5»)})
def added(x):
    return torch.addmm(x, x, x, alpha=7)

print(added(torch.ones(2, 2)).tolist())
"""


def test_a_pass_is_served_with_until_its_code_or_what_it_holds_is_edited(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=variant(PROGRAM, edited=False))
    cold, warm = programs.precompile(), programs.precompile()
    assert (cold.frames, warm.frames, warm.stdout) == ((0, 1, 1), (1, 0, 0), cold.stdout)
    programs.write(program=variant(PROGRAM, edited=True))
    for run in (programs.precompile, programs.run):
        assert run().stdout == programs.plain().stdout != warm.stdout


HOOKED = """\
import torch
from torch._dynamo.convert_frame import register_bytecode_hook

def hook(old, new):
    constants = [«78¦79» if value == 77 else value for value in new.co_consts]
    return new.replace(co_consts=tuple(constants))

register_bytecode_hook(hook)

@torch.compile
def product(x):
    return x @ x, 77

print(product(torch.ones(2, 2)))
"""


def test_a_frame_whose_code_the_program_is_given_is_cold(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    for edited in (False, True):
        programs.write(program=variant(HOOKED, edited=edited))
        seen = programs.precompile()
        assert (seen.stdout, seen.frames) == (programs.plain().stdout, (0, 1, 0))
        assert list(seen.reasons.values()) == [
            "the program has a hook for bytecode, which is called at a compile"
        ]
