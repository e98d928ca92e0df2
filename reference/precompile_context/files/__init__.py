"""The file system: read, append under a lock, replace. No layer below touches it."""

from precompile_context.files.access import Chunk, FilePath
from precompile_context.files.atomic import replace
from precompile_context.files.bundle_file import BundleFile, file_at, open_named
from precompile_context.files.directory import Directory
from precompile_context.files.keys import local_key, read_signing_key, read_verifying_key
from precompile_context.files.private_directory import check_private
from precompile_context.files.removing import remove_unchanged
from precompile_context.files.trusted_keys import (
    add_trusted,
    find_signer,
    find_verifier,
    remove_trusted,
    trusted,
    trusted_directory,
)

__all__ = [
    "BundleFile",
    "Chunk",
    "Directory",
    "FilePath",
    "add_trusted",
    "check_private",
    "file_at",
    "find_signer",
    "find_verifier",
    "local_key",
    "open_named",
    "read_signing_key",
    "read_verifying_key",
    "remove_trusted",
    "remove_unchanged",
    "replace",
    "trusted",
    "trusted_directory",
]
