"""The file system: read, append under a lock, replace. No layer below touches it."""

from precompile_context.files.atomic import replace
from precompile_context.files.bundle_file import BundleFile
from precompile_context.files.directory import Directory
from precompile_context.files.keys import local_key, read_signing_key, read_verifying_key
from precompile_context.files.private_directory import check_private

__all__ = [
    "BundleFile",
    "Directory",
    "check_private",
    "local_key",
    "read_signing_key",
    "read_verifying_key",
    "replace",
]
