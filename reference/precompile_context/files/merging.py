"""Bundle files merged into one file."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from precompile_context.bundle import DEFAULT_LIMITS, Bundle, Limits
from precompile_context.compare.merging import Merge, MergeReport
from precompile_context.errors import MisuseError
from precompile_context.files.access import Chunk, FilePath
from precompile_context.files.bundle_file import BundleFile, open_named
from precompile_context.trust import UNSIGNED, Signer, TrustPolicy


def merge_files(
    output: FilePath,
    inputs: Sequence[FilePath],
    *,
    policy: TrustPolicy,
    signer: Signer | None = None,
    limits: Limits = DEFAULT_LIMITS,
    strict: bool = False,
    watch: Callable[[Iterable[Chunk]], Iterable[Chunk]] = lambda chunks: chunks,
    open_input: Callable[[FilePath], Bundle] | None = None,
) -> tuple[MergeReport, Bundle | None]:
    """Put the merged inputs in the place of `output`, at once; see `Merge`.

    `output` may be one of the inputs: whoever appends to it waits meanwhile. A torn
    tail of an input is left out. With `strict`, nothing is written where there is a
    conflict, and the bundle is None. `watch` is handed the chunks on their way.
    `open_input` opens an input that is named otherwise than by a path.

    Every input is to be trusted by `policy`. The result carries the signature of
    `signer`, who vouches for all of it, and no other.

    Raises:
        PrecompileError: an input is damaged, or not trusted, or the result goes past
            the limits.
        OSError: an input cannot be read, or the output cannot be written.
        Nothing was changed then.
    """
    if isinstance(inputs, str | os.PathLike):
        raise MisuseError("the inputs are several paths: a list of them")
    file = BundleFile(output, limits=limits)
    with file.replacing() as put:
        merge = Merge(
            {
                str(path): open_input(path)
                if open_input
                else open_named(Path(path), policy, limits)
                for path in inputs
            },
            limits=limits,
        )
        if strict and merge.report.conflicts:
            return merge.report, None
        put(watch(merge.chunks(signer)))
    return merge.report, file.open(policy=UNSIGNED, recover=False)  # just written
