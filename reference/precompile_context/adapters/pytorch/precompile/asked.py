"""What traced code asks of classes and of its process, where dynamo takes the answer for constant.

Whether an object or a class is one of an abstract class follows from what was registered with that,
and from its `__subclasshook__`; a process has a rank, limits, and what is installed there. No guard
tells these: each is asked again where a version is served. A metaclass of another kind, a
Protocol's among them, may look at the object itself, or at anything.
"""

import abc
import contextlib
import importlib.machinery
import sys
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from precompile_context.adapters.pytorch.precompile import unguarded
from precompile_context.adapters.pytorch.precompile.collecting import Collector
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    is_pinned,
    is_pinned_file,
    module_name,
    type_name,
)
from precompile_context.adapters.pytorch.precompile.process_answers import ask, name_of
from precompile_context.adapters.pytorch.precompile.program import find_class, imported
from precompile_context.adapters.pytorch.precompile.saved_guards import DiffersError
from precompile_context.session.patches import Patches

# What the checks of a class's metaclass are, where it has none of its own.
_CHECKS = ("__instancecheck__", "__subclasscheck__")


@dataclass(frozen=True)
class Answers:
    """What was answered.

    Attributes:
        classes: modules and qualified names of a class and of an abstract one, and whether
            that takes it for one.
        process: names of functions, each with what it was given and what it gave.
        names: a module's name, a name that was looked for in it, and how that was found.
    """

    classes: tuple[tuple[str, str, str, str, bool], ...] = ()
    process: tuple[tuple[str, tuple[str, ...], str], ...] = ()
    names: tuple[tuple[str, str, str], ...] = ()


NOTHING_ASKED = Answers()


@dataclass
class Asked:
    """What was asked while a frame was traced.

    Attributes:
        pairs: a class, and an abstract one that was asked about it.
        functions: names of those that tell of the process, with what they were given.
        names: modules' names, each with a name that was looked for there.
        untold: why some answer cannot be told; None so far.
    """

    pairs: set[tuple[type, type]] = field(default_factory=set)
    functions: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
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
        process = tuple((name, given, ask(name, given)) for name, given in sorted(self.functions))
        names = tuple((*pair, _found(*pair)) for pair in sorted(self.names))
        return Answers(tuple(sorted(classes)), process, names)


def check(answers: Answers) -> None:
    """Raise DiffersError where an answer is another one here."""
    for module, name, other_module, other_name, is_one in answers.classes:
        cls, other = find_class(module, name), find_class(other_module, other_name)
        if issubclass(cls, other) is not is_one:
            text = "is no" if is_one else "is a"
            raise DiffersError(f"class {module}.{name} {text} {other_module}.{other_name} here")
    for name, given, answer in answers.process:
        if (found := ask(name, given)) != answer:
            raise DiffersError(f"{name}({', '.join(given)}) was {answer}, and is {found}")
    for module, name, was in answers.names:
        if _found(module, name) != was:
            raise DiffersError(f"module {module} has a name {name} here, or had")


def _found(module: str, name: str) -> str:
    """How a module has a name: its own, by its `__getattr__`, or not ("")."""
    there = imported(module)
    is_there = hasattr(there, name)  # which may make it one of its own, as torch.ops does
    return "own" if name in vars(there) else "given" if is_there else ""


tracing = Collector(Asked)


def watch(patches: Patches) -> None:
    """Begin to see what dynamo asks."""
    from torch._dynamo.variables.builtin import BuiltinVariable
    from torch._dynamo.variables.functions import PolyfilledFunctionVariable, SkipFunctionVariable
    from torch._dynamo.variables.torch import BaseTorchVariable
    from torch._dynamo.variables.user_defined import UserDefinedObjectVariable

    patches.wrap(BuiltinVariable, "call_isinstance", _of_object)
    patches.wrap(BuiltinVariable, "call_issubclass", _of_class)
    patches.wrap(BaseTorchVariable, "can_constant_fold_through", _of_torch)
    patches.wrap(SkipFunctionVariable, "call_function", _of_python)
    patches.wrap(PolyfilledFunctionVariable, "call_function", _of_substituted)
    owner = vars(UserDefinedObjectVariable)
    name = "var_getattr" if "var_getattr" in owner else "tp_getattro_impl"
    patches.wrap(UserDefinedObjectVariable, name, _of_spec)


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


def _of_torch(original: Callable[..., Any], variable: Any) -> Any:
    _note_process(getattr(variable, "value", None), ())
    return original(variable)


def _of_python(original: Callable[..., Any], variable: Any, tx: Any, args: Any, kwargs: Any) -> Any:
    found = original(variable, tx, args, kwargs)
    _note_process(variable.value, args)
    return found


def _of_substituted(
    original: Callable[..., Any], variable: Any, tx: Any, args: Any, kwargs: Any
) -> Any:
    found = original(variable, tx, args, kwargs)
    if variable.fn is sys.set_int_max_str_digits:
        unguarded.untold("a limit of Python that is set")
    _note_process(variable.fn, args)
    return found


def _note_process(function: Any, args: Any) -> None:
    if tracing.notes is not None and (name := name_of(function)):
        given = tuple(str(argument.as_python_constant()) for argument in args)
        tracing.notes.functions.add((name, given))


def _of_spec(original: Callable[..., Any], variable: Any, tx: Any, name: Any) -> Any:
    value = variable.value
    if isinstance(value, importlib.machinery.ModuleSpec):
        unguarded.untold(f"where module {value.name} lies")
    return original(variable, tx, name)


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
