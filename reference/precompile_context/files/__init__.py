"""The file system: read, append under a lock, replace. No layer below touches it."""

from precompile_context.files.atomic import Directory, replace
from precompile_context.files.bundle_file import BundleFile

__all__ = ["BundleFile", "Directory", "replace"]
