"""What a run tells: text, JSON, JUnit, an HTML page and a badge, all from one Report."""

from precompile_conformance.reports.report import Report, TesteeReport

__all__ = ["Report", "TesteeReport"]
