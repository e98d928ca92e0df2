"""A frame that stays cold is told why, by what torch knows and says to its log alone."""

from importlib.metadata import version
from pathlib import Path

import pytest

from tests.forking import Interpreters
from tests.programs import Programs

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

# Nothing but products of matrices, for which no kernel is built.
PROGRAM = """\
import contextvars
import functools
import threading
import types
import weakref
import torch
from torch.func import jvp
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

class Outer:
    class Inner(torch.nn.Module):
        def forward(self, x):
            return x @ x

class Key:
    pass

def checked(function):
    # As beartype does: what is checked is a default of the name of its address.
    name, scope = f"checked_{id(torch.Tensor)}", {"function": function, "Tensor": torch.Tensor}
    exec(f"def checking(x, *, {name}=Tensor):\\n    return function(x)", scope)
    return functools.wraps(function)(scope["checking"])

KEYS = {Key(): 1}
LAMBDAS = {lambda x: x @ x: 1}
inner = Outer.Inner()
several = torch.nn.Sequential(inner)

def square(x):
    return x @ x

class Sized:
    def __init__(self, rows):
        self.rows = rows

    @torch.compiler.assume_constant_result
    def size(self):
        return self.rows

    @classmethod
    @torch.compiler.assume_constant_result
    def least(cls):
        return 1

    @torch.compiler.assume_constant_result
    def __call__(self):
        return self.rows

    def narrowed(self, x):
        return x.narrow(0, 0, self.size()) @ x

SIZED = Sized(1)

def by_class(x):
    return x.narrow(0, 0, Sized.least()) @ x

def by_call(x):
    return x.narrow(0, 0, SIZED()) @ x

@checked
def address(x):
    return x @ x

def by_address(x):
    return address(x)

def autocast(x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return x @ x

def attention(x):
    with sdpa_kernel(SDPBackend.MATH):
        return torch.nn.functional.scaled_dot_product_attention(x[None], x[None], x[None])

def inference(x):
    with torch.inference_mode():
        return x @ x

class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x @ x

    @staticmethod
    def backward(ctx, gradient):
        return gradient

def own_gradient(x):
    return Square.apply(x)

def branches(x):
    return torch.cond(x.sum() > 0, square, torch.clone, (x,))

def forward_mode(x):
    return jvp(square, (x,), (x,))[1]

def selective(x):
    contexts = functools.partial(create_selective_checkpoint_contexts, [torch.ops.aten.mm.default])
    return checkpoint(square, x, use_reentrant=False, context_fn=contexts)

def by_object(x):
    for key in KEYS:
        x = x @ x
    return x

def by_lambda(x):
    for function in LAMBDAS:
        x = function(x)
    return x

def forward_only(x):
    return x @ x

def taken_apart(x):
    return x @ x

HELD = types.SimpleNamespace(
    lock=threading.Lock(), reference=weakref.ref(SIZED),
    context=contextvars.ContextVar("context"), proxy=weakref.proxy(SIZED),
)

def lock(x):
    return x @ x if HELD.lock else x

def reference(x):
    return x @ x if HELD.reference() else x

def context(x):
    return x @ x if HELD.context else x

def proxy(x):
    return x.narrow(0, 0, HELD.proxy.rows) @ x

def filtered(x):
    return x @ x

x = torch.eye(2)
with torch.no_grad():
    torch.compile(filtered, options={"guard_filter_fn": lambda guards: [False] * len(guards)})(x)
    for function in (
        autocast, attention, inference, branches, forward_mode, by_object, by_lambda, several,
        address, by_address, SIZED.narrowed, by_class, by_call, lock, reference, context,
        proxy,
    ):
        torch.compile(function)(x)
x.requires_grad_()
torch.compile(selective)(x).sum().backward()
torch.compile(own_gradient)(x).sum().backward()
torch.compile(forward_only)(x)
with torch._dynamo.compiled_autograd._enable(torch.compile):
    torch.compile(taken_apart)(x).sum().backward()
"""
REASONS = {
    "__main__.autocast": "torch cannot cache its graph: Unsupported call_function target"
    " <function _enter_autocast>",
    "__main__.attention": "torch cannot cache its graph: Unsupported call_function target"
    " <function _backend_from_string>",
    "__main__.inference": "torch cannot cache its graph: Unsupported call_function target"
    " <function _enter_inference_mode>",
    "__main__.own_gradient": "torch cannot cache its graph: Unsupported call_function target"
    " autograd_function_apply",
    "__main__.branches": "torch cannot cache its graph: Unsupported call_function target cond",
    "__main__.forward_mode": "torch cannot cache its graph: Unsupported call_function target"
    " <function _jvp_increment_nesting>",
    "__main__.by_object": "G['KEYS'] is compared with one object of __main__.Key among others",
    "__main__.by_lambda": "G['LAMBDAS'] is compared with one object of builtins.function among",
    "torch.nn.modules.container.Sequential.forward": "L['fn']._modules['0'] is of class"
    " __main__.Outer.Inner, which is defined within another class",
    "__main__.selective": "torch cannot cache its graph: SAC context_fn does not have a cache_hash",
    "__main__.Sized.narrowed": "the result of __main__.Sized.size is taken for constant",
    "__main__.by_class": "the result of __main__.Sized.least is taken for constant",
    "__main__.by_call": "the result of __main__.Sized.__call__ is taken for constant",
    ".checking": "it has the address of an object in a name, checked_...",
    "__main__.by_address": "G['address'] is guarded by identity: __main__.address has the address"
    " of an object in a name, checked_...",
    "__main__.lock": "G['HELD'].lock is a _thread.lock, which cannot be pickled",
    "__main__.reference": "G['HELD'].reference is a weakref.ReferenceType, which cannot be pickled",
    "__main__.context": "G['HELD'].context is a _contextvars.ContextVar, which cannot be pickled",
    "__main__.proxy": "G['HELD'].proxy is a weakref.CallableProxyType, which cannot be pickled",
    "__main__.filtered": "with the guard_filter_fn that it is compiled with, torch does not guard"
    " L['x'], a torch.Tensor",
    "__main__.forward_only": "a graph was not saved: its backward was never run",
    "__main__.taken_apart": "a graph was not saved: compiled autograd takes its backward apart",
    ".forward": "compiled autograd made it of one backward, in this process",
}
# Since these releases torch caches graphs that enter these.
SAVED_SINCE = {"__main__.autocast": (2, 14), "__main__.inference": (2, 15)}
OTHERS_SINCE = {
    (2, 14): {"__main__.context": "G['HELD'].context is guarded by identity: one object of"},
    (2, 15): {
        "__main__.reference": "its guards cannot be saved: PackageError: a guard reads a Reference"
    },
}


def test_each_cold_frame_has_the_reason_that_is_its_own(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=PROGRAM)
    reasons = dict(REASONS)
    release = tuple(map(int, version("torch").split(".")[:2]))
    for since, others in OTHERS_SINCE.items():
        reasons |= others if release >= since else {}
    for name, since in SAVED_SINCE.items():
        if release >= since:
            del reasons[name]
    cold = programs.precompile()
    assert cold.frames == (0, len(REASONS), len(REASONS) - len(reasons))
    assert cold.reasons.keys() == reasons.keys()
    for name, reason in reasons.items():
        assert cold.reasons[name].startswith(reason), cold.reasons[name]
        assert "0x" not in cold.reasons[name]
    assert programs.precompile().reasons == cold.reasons


NESTED = """\
import torch

@torch.compile
def step(nested):
    return nested @ torch.eye(2)

with torch.no_grad():
    step(torch.nested.nested_tensor([torch.ones(1, 2), torch.ones(3, 2)], layout=torch.jagged))
"""


def test_what_lies_behind_torchs_reason_is_told(tmp_path: Path, interpreters: Interpreters) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=NESTED)
    (reason,) = programs.precompile().reasons.values()
    assert reason.startswith("torch cannot cache its graph: Failed to pickle cache key: ")


TABLES = """\
import sys
import torch

@torch.compile
def of_modules(x):
    return x if "nothing" in sys.modules else x @ x

@torch.compile
def of_names(x):
    return x if "nothing" in globals() else x @ x

with torch.no_grad():
    of_modules(torch.eye(2))
    of_names(torch.eye(2))
"""


def test_the_names_of_a_module_that_torch_counts_are_a_reason(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    """It puts names of its own there. Modules that nothing looks at are not waited for."""
    programs = Programs(tmp_path, interpreters)
    programs.write(program=TABLES)
    cold, warm = programs.precompile(), programs.precompile()
    assert (cold.frames, warm.frames) == ((0, 3, 2), (2, 1, 0))
    (reason,) = warm.reasons.values()
    assert reason.endswith(
        " holds the globals of a module, to which torch adds a name with each compile"
    )


SHARDED = """\
import tempfile
import torch
from torch import nn
from torch.distributed.fsdp import fully_shard

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(x)

with tempfile.NamedTemporaryFile() as meeting:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting.name}", rank=0, world_size=1
    )
    net = Net()
    for module in (net.layer, net):
        fully_shard(module, mesh=torch.distributed.init_device_mesh("cpu", (1,)))
    torch.compile(net)(torch.eye(4)).sum().backward()
    torch.distributed.destroy_process_group()
"""


def test_module_that_was_sharded_is_cold_and_saved_by_no_run(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=SHARDED)
    cold, again = programs.precompile(), programs.precompile()
    assert cold.reasons == again.reasons
    told = "it guards a module that fully_shard made another class of"
    assert cold.reasons["__main__.Net.forward"] == told
    assert again.report["artifacts"]["recorded"] == 0


READING = """\
import sys
import torch

sys.path.insert(0, "")
CALLS = []

@torch.library.custom_op("kinds_test::counted", mutates_args=())
def counted(x: torch.Tensor) -> torch.Tensor:
    return x @ x

@counted.register_fake
def fake(x):
    CALLS.append(1)
    return torch.empty_like(x)

@torch.compile
def counting(x):
    return counted(x)

@torch.compile
def importing(x):
    import factors
    return x @ x if factors.FACTOR else x

with torch.no_grad():
    counting(torch.eye(2))
    importing(torch.eye(2))
"""


def test_what_a_compile_changes_itself_is_a_reason_that_says_what_to_do(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=READING, factors="FACTOR = 1")
    assert programs.precompile().frames == (0, 2, 2)
    programs.precompile()
    refused = "it is compiled to what is saved, which was refused here: "
    assert programs.precompile().reasons == {
        "__main__.counting": f"{refused}what is registered for operator kinds_test::counted, or"
        " what that reads, has changed",
        "__main__.importing": f"{refused}module factors is not imported here: import it before the"
        " call",
    }
