"""What traced code asks of classes and of its process, where dynamo takes the answer for constant.

Whether an object or a class is one of an abstract class follows from what was registered with that,
and from its `__subclasshook__`; a process has a rank. No guard tells these: each is asked again
where a version is served. A metaclass of another kind, a Protocol's among them, may look at the
object itself, or at anything.
"""

import abc
import contextlib
import sys
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from precompile_context.adapters.pytorch.precompile.collecting import Collector
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    is_pinned,
    is_pinned_file,
    module_name,
    type_name,
)
from precompile_context.adapters.pytorch.precompile.program import find_class, imported
from precompile_context.adapters.pytorch.precompile.saved_guards import DiffersError
from precompile_context.session.patches import Patches

# What the checks of a class's metaclass are, where it has none of its own.
_CHECKS = ("__instancecheck__", "__subclasscheck__")
_OF_RANKS = ("get_rank", "get_world_size", "is_initialized")


@dataclass(frozen=True)
class Answers:
    """What was answered.

    Attributes:
        classes: modules and qualified names of a class and of an abstract one, and whether
            that takes it for one.
        process: names of functions, each with what it gave.
        names: a module's name, a name that was looked for in it, and how that was found.
    """

    classes: tuple[tuple[str, str, str, str, bool], ...] = ()
    process: tuple[tuple[str, str], ...] = ()
    names: tuple[tuple[str, str, str], ...] = ()


NOTHING_ASKED = Answers()


@dataclass
class Asked:
    """What was asked while a frame was traced.

    Attributes:
        pairs: a class, and an abstract one that was asked about it.
        functions: names of those that tell of the process.
        names: modules' names, each with a name that was looked for there.
        untold: why some answer cannot be told; None so far.
    """

    pairs: set[tuple[type, type]] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)
    untold: str | None = None

    def answers(self) -> Answers:
        """What is answered here.

        Raises:
            UnportableError: it cannot be asked again elsewhere.
        """
        if self.untold is not None:
            raise UnportableError(self.untold)
        classes: set[tuple[str, str, str, str, bool]] = set()
        for cls, other in self.pairs:
            name, other_name = _name(cls), _name(other)
            if name and other_name:
                classes.add((*name, *other_name, issubclass(cls, other)))
            elif not (is_pinned(cls.__module__) and is_pinned(other.__module__)):
                nameless = type_name(other if name else cls)
                raise UnportableError(f"class {nameless} is not found under its name")
        return Answers(
            tuple(sorted(classes)),
            tuple((f, _ask(f)) for f in sorted(self.functions)),
            tuple((*pair, _found(*pair)) for pair in sorted(self.names)),
        )


def check(answers: Answers) -> None:
    """Raise DiffersError where an answer is another one here."""
    for module, name, other_module, other_name, is_one in answers.classes:
        cls, other = find_class(module, name), find_class(other_module, other_name)
        if issubclass(cls, other) is not is_one:
            text = "is no" if is_one else "is a"
            raise DiffersError(f"class {module}.{name} {text} {other_module}.{other_name} here")
    for function, answer in answers.process:
        if (found := _ask(function)) != answer:
            raise DiffersError(f"{function}() was {answer}, and is {found}")
    for module, name, was in answers.names:
        if _found(module, name) != was:
            raise DiffersError(f"module {module} has a name {name} here, or had")


def _found(module: str, name: str) -> str:
    """How a module has a name: its own, by its `__getattr__`, or not ("")."""
    there = imported(module)
    return "own" if name in vars(there) else "given" if hasattr(there, name) else ""


tracing = Collector(Asked)


def watch(patches: Patches) -> None:
    """Begin to see what dynamo asks."""
    from torch._dynamo.variables.builtin import BuiltinVariable
    from torch._dynamo.variables.torch import BaseTorchVariable

    patches.wrap(BuiltinVariable, "call_isinstance", _of_object)
    patches.wrap(BuiltinVariable, "call_issubclass", _of_class)
    patches.wrap(BaseTorchVariable, "can_constant_fold_through", _of_process)


def _of_object(
    original: Callable[..., Any], builtin: Any, tx: Any, value: Any, classes: Any
) -> Any:
    answer = original(builtin, tx, value, classes)
    # What torch's own code asks of tensors decides where a module keeps them.
    of_tensors = is_pinned_file(tx.f_code.co_filename) or value.source is None
    _note(value.python_type, classes, lambda metaclass: True, of_tensors=of_tensors)
    return answer


def _of_class(original: Callable[..., Any], builtin: Any, tx: Any, cls: Any, classes: Any) -> Any:
    answer = original(builtin, tx, cls, classes)
    # Dynamo traces the checks of other metaclasses.
    _note(cls.as_python_constant, classes, lambda metaclass: issubclass(metaclass, abc.ABCMeta))
    return answer


def _of_process(original: Callable[..., Any], variable: Any) -> Any:
    function = getattr(variable, "value", None)
    name = getattr(function, "__name__", None)
    if tracing.notes is not None and name in _OF_RANKS and _rank_function(name) is function:
        tracing.notes.functions.add(f"torch.distributed.{name}")
    return original(variable)


def _rank_function(name: str) -> Any:
    return getattr(sys.modules.get("torch.distributed"), name, None)


def _ask(name: str) -> str:
    """What a function says of this process; a rank is asked for where there are some."""
    import torch.distributed as ranks

    if not (ranks.is_available() and ranks.is_initialized()):
        return "nothing"
    return str(getattr(ranks, name.rpartition(".")[2])())


def _note(
    about: Callable[[], Any],
    classes: Any,
    runs: Callable[[type], bool],
    *,
    of_tensors: bool = False,
) -> None:
    if (asked := tracing.notes) is None:
        return
    try:
        cls = about()
        for other in _members(classes.as_python_constant()):
            if runs(type(other)) and not _is_plain(cls, other, of_tensors=of_tensors):
                asked.pairs.add((cls, other))
    except UnportableError as error:
        asked.untold = asked.untold or str(error)
    except Exception as error:  # of what dynamo cannot tell
        asked.untold = asked.untold or f"a check of classes: {type(error).__name__}: {error}"


def _members(classes: Any) -> Iterator[Any]:
    """All that `isinstance` may be given as its second argument, one by one."""
    if isinstance(classes, tuple):
        for item in classes:
            yield from _members(item)
    elif isinstance(classes, types.UnionType) or typing.get_origin(classes) is typing.Union:
        yield from _members(typing.get_args(classes))
    else:
        yield typing.get_origin(classes) or classes  # typing.Sequence asks the abstract class


def _is_plain(cls: type, other: Any, *, of_tensors: bool) -> bool:
    """Whether an answer follows from what guards tell of both classes.

    Raises:
        UnportableError: it follows from what nobody tells.
    """
    import torch

    checks: tuple[Any, ...] = tuple(getattr(type(other), name, None) for name in _CHECKS)
    if checks == tuple(getattr(type, name) for name in _CHECKS):
        return True
    if checks == tuple(getattr(abc.ABCMeta, name) for name in _CHECKS):
        return False
    if type(other).__name__ == "tensortype":
        return True
    if other in (torch.nn.Parameter, torch.nn.Buffer):
        # They look at a mark that a tensor of another class may have.
        is_told = issubclass(cls, other) or not issubclass(cls, torch.Tensor)
        if of_tensors or is_told or (other is torch.nn.Parameter and cls is torch.Tensor):
            return True
    raise UnportableError(
        f"isinstance() runs code of {type_name(type(other))}, the metaclass of"
        f" {type_name(other)}, and what that looks at is not guarded"
    )


def _name(cls: type) -> tuple[str, str] | None:
    """Module and qualified name under which a class is found; None where there are none."""
    names = [(module_name(cls.__module__), cls.__qualname__)]
    names += [("types", name) for name, value in vars(types).items() if value is cls]
    for name in names:
        with contextlib.suppress(DiffersError):
            if find_class(*name) is cls:
                return name
    return None
