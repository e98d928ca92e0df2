"""When a test says that a process hangs: no machine is so busy that one at work takes that long."""

SECONDS = 600
