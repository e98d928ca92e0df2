"""The demo's program: a dozen functions of numba's, each called once.

Nothing here knows of bundles.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

cached = njit(cache=True)


@njit
def squared_distance(a: Any, b: Any) -> Any:
    """Called by others, and compiled into them."""
    total = 0.0
    for i in range(a.shape[0]):
        total += (a[i] - b[i]) ** 2
    return total


@cached
def mandelbrot(size: Any, most: Any) -> Any:
    """Steps until each point escapes, added up."""
    total = 0
    for row in range(size):
        for column in range(size):
            c = complex(3.0 * column / size - 2.0, 2.0 * row / size - 1.0)
            z = 0j
            for step in range(most):
                z = z * z + c
                if abs(z) > 2.0:
                    total += step
                    break
    return total


@cached
def sieve(most: Any) -> Any:
    """The sum of primes."""
    prime = np.ones(most + 1, np.bool_)
    total = 0
    for n in range(2, most + 1):
        if prime[n]:
            total += n
            prime[n * n :: n] = False
    return total


@cached
def edits(a: Any, b: Any) -> Any:
    """Levenshtein's distance."""
    before = np.arange(b.shape[0] + 1)
    for i in range(a.shape[0]):
        row = np.empty_like(before)
        row[0] = i + 1
        for j in range(b.shape[0]):
            row[j + 1] = min(row[j] + 1, before[j + 1] + 1, before[j] + (a[i] != b[j]))
        before = row
    return before[-1]


@cached
def life(board: Any, steps: Any) -> Any:
    """Cells alive in Conway's game, its edges joined."""
    height, width = board.shape
    for _ in range(steps):
        after = np.zeros_like(board)
        for y in range(height):
            for x in range(width):
                near = -board[y, x]
                for dy in range(-1, 2):
                    for dx in range(-1, 2):
                        near += board[(y + dy) % height, (x + dx) % width]
                after[y, x] = near == 3 or (near == 2 and board[y, x] == 1)
        board = after
    return board.sum()


@cached
def means(points: Any, count: Any, steps: Any) -> Any:
    """The spread within clusters."""
    centres = points[:count].copy()
    owner = np.zeros(points.shape[0], np.int64)
    total = 0.0
    for _ in range(steps):
        total = 0.0
        for i in range(points.shape[0]):
            nearest = np.inf
            for k in range(count):
                distance = squared_distance(points[i], centres[k])
                if distance < nearest:
                    nearest, owner[i] = distance, k
            total += nearest
        for k in range(count):
            mine = points[owner == k]
            if mine.shape[0]:
                for d in range(points.shape[1]):
                    centres[k, d] = mine[:, d].mean()
    return total


@cached
def closest(points: Any) -> Any:
    """The smallest distance of two."""
    found = np.inf
    for i in range(points.shape[0]):
        for j in range(i):
            found = min(found, squared_distance(points[i], points[j]))
    return np.sqrt(found)


@cached
def convolved(image: Any, kernel: Any) -> Any:
    """The sum of a filtered image."""
    rows, columns = kernel.shape
    total = 0.0
    for y in range(image.shape[0] - rows):
        for x in range(image.shape[1] - columns):
            total += np.abs((image[y : y + rows, x : x + columns] * kernel).sum())
    return total


@cached
def knapsack(weights: Any, values: Any, most: Any) -> Any:
    """The best value that fits."""
    best = np.zeros(most + 1, values.dtype)
    for i in range(weights.shape[0]):
        for room in range(most, weights[i] - 1, -1):
            best[room] = max(best[room], best[room - weights[i]] + values[i])
    return best[most]


@cached
def histogram(values: Any, bins: Any) -> Any:
    """The fullest bin."""
    low, high = values.min(), values.max()
    counts = np.zeros(bins, np.int64)
    for value in values.flat:
        counts[min(int((value - low) / (high - low) * bins), bins - 1)] += 1
    return counts.max()


@cached
def heat(plate: Any, steps: Any) -> Any:
    """What is left in a plate that cools at its edges."""
    for _ in range(steps):
        middle = plate[1:-1, 1:-1]
        sides = plate[:-2, 1:-1] + plate[2:, 1:-1] + plate[1:-1, :-2] + plate[1:-1, 2:]
        plate[1:-1, 1:-1] = 0.5 * middle + 0.125 * sides
        plate[0] = plate[-1] = 0.0
    return plate.sum()


@cached
def sorted_median(values: Any) -> Any:
    """By insertion."""
    values = values.copy()
    for i in range(1, values.shape[0]):
        value, j = values[i], i
        while j and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
    return values[values.shape[0] // 2]


@cached
def collatz(most: Any) -> Any:
    """The longest way down to 1."""
    longest = 0
    for first in range(1, most):
        n, steps = first, 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        longest = max(longest, steps)
    return longest


def calls() -> list[tuple[Any, tuple[Any, ...]]]:
    """Each function with its arguments."""
    random = np.random.default_rng(0)
    points, image = random.random((200, 3)), random.random((32, 32))
    letters = random.integers(4, size=(2, 60))
    return [
        (mandelbrot, (40, 50)),
        (sieve, (5000,)),
        (edits, (letters[0], letters[1])),
        (life, (random.integers(2, size=(16, 16)), 8)),
        (means, (points, 4, 5)),
        (closest, (points,)),
        (convolved, (image, random.random((3, 3)) - 0.5)),
        (knapsack, (random.integers(1, 9, 20), random.integers(1, 99, 20), 40)),
        (histogram, (image, 10)),
        (heat, (image.copy(), 20)),
        (sorted_median, (random.random(201),)),
        (collatz, (1000,)),
    ]


def main() -> None:
    """Call them, and write times and results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    called = calls()
    began = time.perf_counter()
    results = [float(function(*given)) for function, given in called]
    first_calls = time.perf_counter() - began
    hits = [sum(function.stats.cache_hits.values()) for function, _ in called]
    result = {
        "first_calls": first_calls,
        "compile": None,  # not told apart: running them takes no time
        "asked": len(called),
        "hits": sum(hits),
        "results": [value.hex() for value in results],
    }
    arguments.out.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
