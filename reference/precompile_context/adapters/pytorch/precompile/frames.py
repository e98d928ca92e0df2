"""Where dynamo would compile a frame: a saved version is offered, and what it makes is saved.

torch looks for compiled code in its own tables first, and calls its frame compiler on a miss.
A version that is served is returned from there as if it had just been compiled: it is torch's
own table that keeps it, with the backend that it was for, torch's limits, and guards that
torch evaluates. Nothing is added to a call.
"""

import functools
import inspect
import threading
import time
import types
from collections.abc import Callable
from typing import Any

from precompile_context.adapters.pytorch.facts.environment import capability_asked
from precompile_context.adapters.pytorch.facts.switches import compiles_in_step, ruled_out
from precompile_context.adapters.pytorch.precompile import (
    annotation_reads,
    asked,
    environment_reads,
    global_names,
    graph_keys,
    guard_creation,
    guard_pickling,
    guard_saving,
    module_names,
    observed,
    set_order,
    texts,
    unguarded,
)
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    function_name,
)
from precompile_context.adapters.pytorch.precompile.entry import Version
from precompile_context.adapters.pytorch.precompile.identity import check_names
from precompile_context.adapters.pytorch.precompile.key import frame_key, told_name
from precompile_context.adapters.pytorch.precompile.recorder import FrameRecorder
from precompile_context.adapters.pytorch.precompile.report import PrecompileReport
from precompile_context.adapters.pytorch.precompile.saved_guards import DiffersError
from precompile_context.adapters.pytorch.precompile.sizes import tell_sizes
from precompile_context.adapters.pytorch.precompile.split_graphs import chosen_backend
from precompile_context.adapters.pytorch.precompile.store import Store
from precompile_context.session.patches import Patches


class Frames:
    """The hooks in torch's frame compiler, from `start` to `stop`.

    No exception of ours leaves it: the frame is compiled as it would be without.
    """

    def __init__(
        self, store: Store, report: PrecompileReport, on_served: Callable[[str], None]
    ) -> None:
        """`on_served` is told the key of each entry that is served."""
        self._store = store
        self._on_served = on_served
        self._report = report
        self._patches = Patches()
        self._local = threading.local()
        self._asked = capability_asked()

    def start(self) -> None:
        """Put the hooks in."""
        from torch._dynamo import convert_frame, utils
        from torch._dynamo.guards import CheckFunctionManager, GuardBuilder, GuardsStatePickler
        from torch._dynamo.output_graph import OutputGraph
        from torch._dynamo.symbolic_convert import InliningInstructionTranslator
        from torch._dynamo.variables import functions, nn_module, torch_function

        self._signature = inspect.signature(convert_frame._compile)
        self._patches.wrap(convert_frame, "_compile", self._compile)
        self._patches.wrap(OutputGraph, "bypass_package", self._bypass)
        self._patches.wrap(OutputGraph, "install_global_by_id", global_names.install)
        self._patches.wrap(torch_function, "get_safe_global_name", global_names.of_class)
        self._patches.wrap(CheckFunctionManager, "serialize_guards", self._serialize_guards)
        self._patches.wrap(
            InliningInstructionTranslator, "inline_call", environment_reads.inline_call
        )
        annotation_reads.watch(self._patches)
        asked.watch(self._patches)
        unguarded.watch(self._patches)
        set_order.watch(self._patches)
        module_names.watch(self._patches)
        texts.watch(self._patches)
        for module in (functions, nn_module):
            self._patches.wrap(module, "invoke_and_store_as_constant", self._constant)
        self._patches.wrap(utils, "run_node", _run_node)
        self._patches.wrap(GuardBuilder, "get", guard_creation.get_live)
        self._patches.wrap(
            GuardBuilder, "add_python_lambda_leaf_guard_to_root", guard_creation.add_lambda
        )
        self._patches.wrap(GuardsStatePickler, "reducer_override", guard_pickling.reduce_opaque)

    def stop(self) -> None:
        """Take the hooks out."""
        self._patches.undo()

    def _compile(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        call = types.SimpleNamespace(**bound.arguments)
        name = told_name(call.code, call.globals, call.locals)
        recorder = FrameRecorder(call.code, call.closure)
        key = ""
        try:
            key = self._key(call)
            served = self._serve(name, key, call)
        except UnportableError as error:
            served = None
            recorder.refuse(str(error))
        except Exception as error:  # ours: the frame is compiled
            served = None
            recorder.refuse(f"{type(error).__name__}: {error}")
        if served is not None:
            self._report.count("served")
            return served
        outer = getattr(self._local, "recorder", None)
        self._local.recorder = None if recorder.refused else recorder
        if recorder.refused is None:
            kwargs = {**kwargs, "package": recorder}
        try:
            with (
                observed.observing() as meanwhile,
                graph_keys.collecting() as operators,
                environment_reads.reads.collecting() as variables,
                annotation_reads.reads.collecting() as annotated,
                asked.tracing.collecting() as questions,
                unguarded.tracing.collecting(),
            ):
                begun = time.perf_counter()
                result = original(*args, **kwargs)
                seconds = round(time.perf_counter() - begun, 3)
        finally:
            self._local.recorder = outer
        if _is_compiled(result):
            self._report.count("compiled")
            made = functools.partial(
                recorder.version, meanwhile.ran, operators, variables, annotated, questions
            )
            self._record(name, key, made, seconds)
        return result

    def _key(self, call: types.SimpleNamespace) -> str:
        """The frame's key.

        Raises:
            UnportableError: it is compiled without us.
        """
        from torch._dynamo import compiled_autograd
        from torch._dynamo.distributed import get_compile_pg

        if (switch := ruled_out(_options(call.compiler_fn))) is not None:
            raise UnportableError(switch)
        if call.export or getattr(call.hooks, "guard_export_fn", None) is not None:
            raise UnportableError("it is exported")
        if compiled_autograd.in_compiled_autograd_region:
            raise UnportableError("compiled autograd made it of one backward, in this process")
        if get_compile_pg() is not None or compiles_in_step():
            raise UnportableError("ranks compile together, and all of them must")
        if capability_asked() != self._asked:
            raise UnportableError("it asks for other instructions than the program began with")
        check_names(call.locals, "it")
        return frame_key(
            call.code, call.globals, call.compiler_fn, bool(call.one_graph), call.hooks
        )

    def _serve(self, name: str, key: str, call: types.SimpleNamespace) -> Any:
        """What torch's frame compiler returns, made of a saved version; None without one."""
        versions = self._store.versions(key)
        if not versions:
            return None
        from torch._dynamo import config
        from torch._dynamo.cache_size import exceeds_recompile_limit, is_recompilation

        if exceeds_recompile_limit(call.cache_size, call.compile_id)[0]:
            return None
        if config.error_on_recompile and is_recompilation(call.cache_size):
            return None  # torch refuses it
        for version, read in versions:
            try:
                saved = read()
                code, manager = saved.install(
                    call.code,
                    call.locals,
                    call.globals,
                    _options(call.compiler_fn),
                    cache_entries=call.cache_entries,
                    guard_fail_fn=getattr(call.hooks, "guard_fail_fn", None),
                )
            except DiffersError as error:
                self._report.is_other(name, version, str(error))
            except Exception as error:  # of torch, or of the program's own objects
                self._report.is_other(name, version, f"{type(error).__name__}: {error}")
            else:
                tell_sizes(call.code, call.closure, saved.sizes)
                self._on_served(version)
                return _converted(call, code, manager)
        return None

    def _record(self, name: str, key: str, made: Callable[[], Version], seconds: float) -> None:
        try:
            self._store.record(name, key, made(), seconds)
        except UnportableError as error:
            self._report.is_cold(name, str(error))
        except Exception as error:  # ours: the program has its compiled frame
            self._report.is_cold(name, f"{type(error).__name__}: {error}")

    def _bypass(
        self, original: Callable[..., None], graph: Any, reason: str = "", **details: Any
    ) -> None:
        """torch finds that a frame cannot be saved; it would say so on stderr."""
        if isinstance(graph.package, FrameRecorder):
            graph.package.refuse(f"torch cannot save it: {reason}")
            graph.package = None
        else:
            original(graph, reason, **details)

    def _constant(
        self, original: Callable[..., Any], tracer: Any, function: Any, *args: Any
    ) -> Any:
        """Dynamo is about to run a function, and to keep its result."""
        recorder: FrameRecorder | None = getattr(self._local, "recorder", None)
        if recorder is not None and isinstance(function, types.MethodType):
            # What a method reads of its object is told by no guard, and has no name.
            recorder.refuse(
                f"the result of {function_name(function)} is taken for constant, and what a method"
                " reads is not guarded: mark a function, and pass it what it reads"
            )
        observed.needed()
        return original(tracer, function, *args)

    def _serialize_guards(
        self,
        original: Callable[..., bytes],
        manager: Any,
        builder: Any,
        sorted_guards: list[Any],
        output_graph: Any,
    ) -> bytes:
        """What torch takes for saved guards; empty where a recorder has them, or a reason."""
        recorder: FrameRecorder | None = getattr(self._local, "recorder", None)
        if recorder is None:
            return original(manager, builder, sorted_guards, output_graph)
        try:
            saved, classes = guard_saving.save_guards(
                original, manager, builder, sorted_guards, output_graph
            )
            recorder.guarded(saved, classes, output_graph)
        except Exception as error:  # pickling calls the program's own objects
            reason = str(error)
            recorder.refuse(reason if isinstance(error, UnportableError) else _text(error))
        return b""


def _run_node(original: Callable[..., Any], tracer: Any, node: Any, *args: Any) -> Any:
    """Dynamo is about to run a node with tensors that have no content."""
    if node.op == "call_function" and graph_keys.is_untraced(node.target):
        observed.needed()
    return original(tracer, node, *args)


def _options(compiler: Any) -> dict[str, Any]:
    """The options that torch.compile was given, where it is inductor's."""
    options = getattr(chosen_backend(compiler)[0], "config", None)
    return options if isinstance(options, dict) else {}


def _is_compiled(result: Any) -> bool:
    """Whether torch made code for the frame; it leaves some as they are."""
    return getattr(result, "guarded_code", None) is not None


def _text(error: Exception) -> str:
    return f"its guards cannot be saved: {type(error).__name__}: {error}"


def _converted(call: types.SimpleNamespace, code: types.CodeType, manager: Any) -> Any:
    """A frame compiler's result, told to torch as it tells its own."""
    from torch._dynamo import convert_frame
    from torch._dynamo.types import GuardedCode, wrap_guarded_code

    tables: Any = convert_frame
    tables.orig_code_map[code] = call.code
    tables.output_codes.add(code)
    annotation = f"Torch-Compiled Region: {call.compile_id}"
    return wrap_guarded_code(GuardedCode(code, manager, call.compile_id, annotation))
