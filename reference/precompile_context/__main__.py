"""`python -m precompile_context`: the command `precompile`."""

from precompile_context.cli import main

if __name__ == "__main__":
    main()
