"""Torch without its clock for guards."""


def time_no_guards() -> None:
    """Have torch compile a frame without taking the time of its guards.

    It does so for its statistics, and before that it writes 32 to 256 MiB, so that nothing is in
    the processor's caches: up to an eighth of a small program's time. What is called instead is
    code of torch's for whoever looks at what runs.
    """
    from torch._dynamo import guards

    text = "def profile_guard_manager(*arguments):\n    return 0.0"
    exec(compile(text, guards.__file__, "exec"), vars(guards))
