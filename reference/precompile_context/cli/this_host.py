"""The facts of this host, as the adapters of a bundle's compilers tell them."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from itertools import chain

from _precompile_run import complain, installed
from precompile_context.adapters.directory import tools
from precompile_context.adapters.pytorch.artifacts import TYPES
from precompile_context.bundle import Bundle
from precompile_context.environment import Environment
from precompile_context.session.adapter import Adapter
from precompile_context.session.announced import made
from precompile_context.session.part import concerning

# A directory's type, before its name: whatever its name, its facts are known.
_DIRECTORY = "directory."


def fitting(environment: Environment, bundle: Bundle) -> Environment:
    from precompile_context.adapters.pytorch.facts import environment as host

    return host.fitting_environment(environment, bundle)


def host_for(bundle: Bundle) -> tuple[Environment, str | None]:
    """This host's facts, as far as a segment asks for any; and why those of torch are unknown."""
    if not any(segment.manifest.requirements for segment in bundle.segments):
        return Environment(), None
    others, rest = _other_compilers(bundle)
    if not rest:
        return others, None
    environment, reason = _this_host()
    environment = environment if reason else fitting(environment, bundle)
    return Environment({**others.facts, **environment.facts}), reason


def printed(bundle: Bundle | None) -> tuple[Environment, str | None]:
    """This host's facts for another one to ask by."""
    others, rest = _all_others() if bundle is None else _other_compilers(bundle)
    if not rest:
        return others, None
    environment, reason = _this_host()
    return Environment({**others.facts, **environment.facts}), reason


def _all_others() -> tuple[Environment, bool]:
    """The facts that other adapters than torch's tell; and that more are to be asked."""
    facts: dict[str, frozenset[str]] = {}
    for adapter in _others(lambda module: True):
        facts |= _told_by(adapter)
    return Environment(facts), True


def _other_compilers(bundle: Bundle) -> tuple[Environment, int]:
    """The facts that other adapters than torch's tell, where the bundle has segments of theirs;
    and how many segments are nobody's of them. What an adapter cannot tell stays unknown.
    """
    facts: dict[str, frozenset[str]] = {}
    theirs: set[int] = set()
    types = {one.type for segment in bundle.segments for one in segment.manifest.artifacts}
    for type_name in sorted(one for one in types if one.startswith(_DIRECTORY)):
        theirs.update(segment.index for segment in concerning(bundle, {type_name}))
        facts |= tools.facts(type_name.removeprefix(_DIRECTORY)).facts
    left = {one for one in types if not one.startswith(_DIRECTORY)} - TYPES
    named = {one.partition(".")[0] for one in left}
    # Most types are named after the module; whoever is left may be anybody's.
    others = chain(_others(named.__contains__), _others(lambda module: module not in named))
    for adapter in others if left else ():
        own = {cls.TYPE for cls in adapter.types}
        if segments := concerning(bundle, own):
            theirs.update(segment.index for segment in segments)
            facts |= _told_by(adapter)
        left -= own
        if not left:
            break
    return Environment(facts), len(bundle.segments) - len(theirs)


def _others(chosen: Callable[[str], bool]) -> Iterator[Adapter]:
    """Adapters but torch's, of compilers that are here, in modules whose names are chosen. One
    may import its compiler.
    """
    here = {
        where: None
        for name, where in installed()
        if chosen(module := name.partition(".")[0])
        and not where.startswith("precompile_context.adapters.pytorch.")
        and find_spec(module)
    }
    yield from filter(None, map(made, here))


def _told_by(adapter: Adapter) -> Mapping[str, frozenset[str]]:
    try:
        return adapter.facts().facts
    except Exception as error:  # a compiler that is not there, or cannot be used
        complain(error)
        return {}


@cache
def _this_host() -> tuple[Environment, str | None]:
    from precompile_context.adapters.pytorch.facts import environment as host

    try:
        return host.host_environment(), None
    except ModuleNotFoundError as error:
        return host.torchless_environment(), str(error)
    except Exception as error:  # a torch that cannot be used here, for whatever reason
        return host.torchless_environment(), f"{type(error).__name__}: {error}"
