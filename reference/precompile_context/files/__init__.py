"""The file system: read, append under a lock, replace. No layer below touches it."""

from precompile_context.files.atomic import Chunk, Directory, replace
from precompile_context.files.bundle_file import BundleFile
from precompile_context.files.merging import merge_files

__all__ = ["BundleFile", "Chunk", "Directory", "merge_files", "replace"]
