"""The bounds of sizes that vary, as `mark_dynamic(…, max=8)` gives them.

A graph that torch takes from its cache brings guards that hold them, and torch's keys of graphs do
not know them: under other bounds torch would find it, and refuse its guards by an error.
"""

# torch compiles apart for sizes below it.
_LEAST = 2


def of_sizes() -> list[str]:
    """Those of what this thread compiles, by symbol; a size has none that may be any."""
    import torch
    from torch.utils._sympy.numbers import int_oo

    context = torch._guards.TracingContext.try_get()
    shapes = context.fake_mode.shape_env if context and context.fake_mode else None
    ranges = {} if shapes is None else shapes.var_to_range
    return [
        f"{symbol} {found.lower} {found.upper}"
        for symbol, found in sorted(ranges.items(), key=str)
        if found.lower > _LEAST or found.upper != int_oo
    ]
