"""A badge: conformance, the version, and how many applicable cases pass."""

from precompile_conformance.reports.summary import TesteeSummary
from precompile_conformance.status import Status

_LETTER = 6.6  # average width at 11 px
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20"
 role="img" aria-label="{text}">
<title>{text}</title>
<clipPath id="r"><rect width="{width}" height="20" rx="4"/></clipPath>
<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#3d4450"/>
<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{left_middle}" y="14">{label}</text>
<text x="{right_middle}" y="14">{value}</text></g></svg>
"""


def render(testee: TesteeSummary, version: str) -> str:
    """The SVG text."""
    counts = testee.counts
    applicable = counts.total() - counts[Status.NOT_APPLICABLE]
    label = f"precompile bundle {version}"
    value = f"{counts[Status.PASS]:,} of {applicable:,} cases"
    if testee.is_good and counts[Status.XFAIL] == 0:
        value = f"{', '.join(testee.classes)} · {value}"
    left = round(len(label) * _LETTER + 12)
    right = round(len(value) * _LETTER + 12)
    return _SVG.format(
        text=f"{label}: {value}", label=label, value=value, left=left, right=right,
        width=left + right, left_middle=left / 2, right_middle=left + right / 2,
        colour=_colour(testee),
    )  # fmt: skip


def _colour(testee: TesteeSummary) -> str:
    if not testee.is_good:
        return "#b3261e"
    return "#9a6700" if testee.counts[Status.XFAIL] else "#1a7f37"
