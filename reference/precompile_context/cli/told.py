"""What a command prints with --json: docs/json.md lists the keys, a test holds both together."""

import json
from collections.abc import Mapping
from typing import Any

# Of all commands together: it goes up where a key goes or means something else.
VERSION = 1


def tell(facts: Mapping[str, Any]) -> None:
    """Print the object, its version first."""
    print(json.dumps({"version": VERSION, **facts}, indent=2, default=str))
