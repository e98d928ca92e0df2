"""What a wheel holds beside its packages: the vectors, for whoever judges an implementation.

An editable installation finds them in the checkout.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class VectorsHook(BuildHookInterface[Any]):
    """Puts the vectors below the runner that reads them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is built; `version` is `standard` or `editable`."""
        if version == "standard":
            vectors = Path(self.root, "conformance_tests", "vectors")
            build_data["force_include"][str(vectors)] = "precompile_conformance/vectors"
