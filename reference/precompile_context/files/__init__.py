"""The file system: read, append under a lock, replace. No layer below touches it."""

from precompile_context.files.access import Chunk, FilePath
from precompile_context.files.atomic import replace
from precompile_context.files.bundle_file import BundleFile, file_at, open_named
from precompile_context.files.directory import Directory
from precompile_context.files.keys import local_key, read_signing_key, read_verifying_key
from precompile_context.files.merging import merge_files
from precompile_context.files.private_directory import check_private

__all__ = [
    "BundleFile",
    "Chunk",
    "Directory",
    "FilePath",
    "check_private",
    "file_at",
    "local_key",
    "merge_files",
    "open_named",
    "read_signing_key",
    "read_verifying_key",
    "replace",
]
