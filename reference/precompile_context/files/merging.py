"""Bundle files merged into one file."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from precompile_context.bundle import DEFAULT_LIMITS, Bundle, Limits
from precompile_context.bundle.soundness import unsound
from precompile_context.compare.merging import Host, LeftOut, Merge, MergeReport
from precompile_context.errors import ErrorCode, MisuseError, PrecompileError
from precompile_context.files.access import Chunk, FilePath, checked_path
from precompile_context.files.bundle_file import BundleFile, open_named, open_sound_part
from precompile_context.trust import UNSIGNED, Signer, TrustPolicy
from precompile_context.trust.keys import check_signer


def merge_files(
    output: FilePath,
    inputs: Sequence[FilePath],
    *,
    policy: TrustPolicy,
    signer: Signer | None = None,
    limits: Limits = DEFAULT_LIMITS,
    strict: bool = False,
    skip_damaged: bool = False,
    fits: Host | None = None,
    watch: Callable[[Iterable[Chunk]], Iterable[Chunk]] = lambda chunks: chunks,
    open_input: Callable[[FilePath], Bundle] | None = None,
) -> tuple[MergeReport, Bundle | None]:
    """Put the merged inputs in the place of `output`, at once; see `Merge`.

    `output` may be one of the inputs: whoever appends to it waits meanwhile. A torn
    tail of an input is left out. With `strict`, nothing is written where there is a
    conflict, and the bundle is None. `watch` is handed the chunks on their way.
    `open_input` opens an input that is named otherwise than by a path.

    With `skip_damaged`, what is damaged or not trusted is left out and reported, and the
    inputs count in an order of their own, by their content: equal sets give equal bytes.
    Where nothing is left, of these or of `fits`, nothing is written, and the bundle is None.

    With `fits`, only segments that fit the host which it gives for their bundle are merged.

    Every input is to be trusted by `policy`. The result carries the signature of
    `signer`, who vouches for all of it, and no other.

    Raises:
        PrecompileError: an input is damaged, or not trusted, or the result goes past
            the limits.
        OSError: an input cannot be read, or the output cannot be written.
        Nothing was changed then.
    """
    if isinstance(inputs, str | bytes | os.PathLike) or not isinstance(inputs, Iterable):
        raise MisuseError("the inputs are several paths: a list of them")
    inputs = list(inputs)
    for path in inputs:
        checked_path(path, "an input")
    if fits is not None and not callable(fits):
        raise MisuseError("fits gives for a bundle the facts of a host: a function, an Environment")
    check_signer(signer)

    def opened(path: FilePath) -> Bundle:
        return open_input(path) if open_input else open_named(Path(path), policy, limits)

    file = BundleFile(output, limits=limits)
    with file.replacing() as put:
        if skip_damaged:
            merge, left_out = _merge_of_sound(inputs, opened, policy, limits, fits)
        else:
            bundles = {str(path): opened(path) for path in inputs}
            merge, left_out = Merge(bundles, limits=limits, fits=fits), []
        report = replace(merge.report, left_out=tuple(left_out))
        if (strict and report.conflicts) or (
            (left_out or fits is not None) and not report.artifacts
        ):
            return report, None
        put(watch(merge.chunks(signer)))
    return report, file.open(policy=UNSIGNED, recover=False)  # just written


def _merge_of_sound(
    inputs: Sequence[FilePath],
    opened: Callable[[FilePath], Bundle],
    policy: TrustPolicy,
    limits: Limits,
    fits: Host | None,
) -> tuple[Merge, list[LeftOut]]:
    """The merge of what is sound in the inputs, and what is not, by input."""
    left_out, bundles, without = [], {}, {}
    for path in inputs:
        origin = str(path)
        bundle: Bundle | None
        fault: PrecompileError | None = None
        try:
            bundle = opened(path)
        except PrecompileError:
            bundle, fault = open_sound_part(path, policy, limits)
        if fault is None and bundle is not None and bundle.ignored:
            detail = f"{bundle.ignored} bytes after the last complete segment"
            fault = PrecompileError(ErrorCode.TRUNCATED, detail, bundle.size)
        if fault is not None:
            left_out.append(LeftOut(origin, fault.code.name, fault.offset, fault.detail))
        if bundle is not None:
            bundles[origin] = bundle
            without[origin] = faults = unsound(bundle)
            left_out += (
                LeftOut(origin, f.code.name, f.offset, f.detail, *name)
                for (_, name), f in faults.items()
            )
    # Two copies of one bundle may be damaged in other places.
    order = sorted(bundles, key=lambda o: (bundles[o].digest, sorted(without[o]), o))
    ordered = {origin: bundles[origin] for origin in order}
    merge = Merge(ordered, limits=limits, without=without, fits=fits)
    return merge, sorted(left_out, key=lambda one: (one.origin, one.offset or 0, one.key or ""))
