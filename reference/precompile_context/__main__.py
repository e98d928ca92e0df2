"""`python -m precompile_context`: the command `precompile`."""

from _precompile_command import main

if __name__ == "__main__":
    main()
