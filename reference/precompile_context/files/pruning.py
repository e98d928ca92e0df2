"""A bundle file written anew, without what it no longer needs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from precompile_context.bundle import ArtifactName, Bundle
from precompile_context.compare.merging import Merge
from precompile_context.compare.pruning import Pruned, Rules, prune
from precompile_context.errors import MisuseError
from precompile_context.files.access import Chunk
from precompile_context.files.bundle_file import BundleFile
from precompile_context.trust import UNSIGNED, Signer, TrustPolicy

# How small the blocks of what is left turn out is known when they are written.
_ROUNDS = 8


def prune_file(
    file: BundleFile,
    rules: Rules,
    *,
    policy: TrustPolicy,
    signer: Signer | None = None,
    last_used: Mapping[ArtifactName, float],
    dry_run: bool = False,
    may: Callable[[Bundle], bool] = lambda bundle: True,
    watch: Callable[[Iterable[Chunk]], Iterable[Chunk]] = lambda chunks: chunks,
) -> tuple[Pruned, Bundle]:
    """Write the file anew, as a merge of it alone does, without what the rules take.

    What goes, and the bundle as it is then; with `dry_run`, or where nothing is to be done,
    or the bundle is not one that it `may` be done to, as it was. Whoever appends waits.

    Raises:
        MisuseError: nothing would be left.
        PrecompileError: the file is damaged, or not trusted.
        OSError: it cannot be read or written.
        Nothing was changed then.
    """
    with file.replacing() as put:
        bundle = file.open(policy=policy)
        pruned, most = prune(bundle, rules, last_used), rules.max_bytes
        dead = sum(len(s.manifest.artifacts) for s in bundle.segments) - sum(
            len(bundle.current(segments)) for segments in bundle.by_requirements().values()
        )
        is_due = pruned.places or (rules.superseded and dead)
        if not may(bundle) or not (is_due or (most is not None and bundle.size > most)):
            return replace(pruned, places={}) if not is_due else pruned, bundle
        name = str(file.path)
        aim = rules
        for _ in range(_ROUNDS if most is not None else 0):
            merge = Merge({name: bundle}, without={name: pruned.places})
            size = sum(map(len, merge.chunks(signer)))
            if most is None or aim.max_bytes is None or size <= most or not merge.report.artifacts:
                break
            aim = replace(aim, max_bytes=int(aim.max_bytes * min(0.95, most / size)))
            pruned = prune(bundle, aim, last_used)
        merge = Merge({name: bundle}, without={name: pruned.places})
        if not merge.report.artifacts:
            raise MisuseError("nothing would be left of it: remove the file")
        if dry_run:
            return pruned, bundle
        put(watch(merge.chunks(signer)))
    return pruned, file.open(policy=UNSIGNED, recover=False)  # just written
