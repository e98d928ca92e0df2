"""The automatic mode for a block of a program: each torch.compile is served and saved."""

import os
from collections.abc import Iterator

from precompile_context.adapters.pytorch.precompile.mode import Precompile
from precompile_context.adapters.pytorch.precompile.report import PrecompileReport
from precompile_context.adapters.pytorch.recording.capturing import capture
from precompile_context.adapters.pytorch.serving.applying import replay
from precompile_context.adapters.pytorch.session import WarmStart
from precompile_context.adapters.pytorch.warm_start_report import WarmStartReport
from precompile_context.context import PrecompileContext
from precompile_context.files import FilePath
from precompile_context.session.trusting import Trusted
from precompile_context.startable import startable
from precompile_context.trust import Signer


@startable
def caching_precompile(
    path: str | os.PathLike[str],
    read_only: bool = False,
    *,
    trust: Trusted = (),
    signer: Signer | FilePath | None = None,
) -> Iterator[WarmStartReport]:
    """`warm_start`, and each torch.compile within the block is served from the bundle, and saved.

    `path` is a bundle file, or a directory, which is made, for one, or a store's name.
    """
    session = WarmStart(path, read_only=read_only, precompile=True, trust=trust, signer=signer)
    with session as report:
        yield report


@startable
def precompiling(context: PrecompileContext) -> Iterator[PrecompileReport]:
    """The automatic mode over a context of one's own, which the caller serializes and loads.

    What the context holds is applied, entries are served, and what is new is recorded
    into it within the block.

    Raises:
        MisuseError: the context knows no facts of torch; what it saves would match any host.
        UnsupportedTorchError: torch lacks something that this needs.
    """
    with capture(context):
        mode = Precompile(context)
        replay(context, mode.cache)
        mode.start()
        try:
            yield mode.report
        finally:
            mode.stop()
