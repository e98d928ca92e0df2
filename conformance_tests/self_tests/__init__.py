"""Tests of the suite itself: of its runner, its reader, its model, its vectors."""
