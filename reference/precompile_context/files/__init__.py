"""The file system: read, append under a lock, replace. No layer below touches it."""

from precompile_context.files.atomic import replace
from precompile_context.files.bundle_file import BundleFile
from precompile_context.files.directory import Directory

__all__ = ["BundleFile", "Directory", "replace"]
