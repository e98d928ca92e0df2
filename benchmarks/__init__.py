"""Side by side with the engine behind torch's mega-cache: `python -m benchmarks`, `make bench`."""
