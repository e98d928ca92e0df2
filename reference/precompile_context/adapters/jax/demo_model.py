"""The demo's program: a transformer in plain JAX, trained whole and looked at part by part.

Nothing here knows of bundles, nor of JAX's own cache, which variables switch on.
"""

import argparse
import functools
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

WORDS, WIDTH, HEADS, BLOCKS, LENGTH, BATCH, STEPS = 256, 64, 4, 2, 32, 8, 3

Tree = Mapping[str, Any]
_COMPILED = "/jax/core/compile/backend_compile_duration"  # or found in a cache
_HIT = "/jax/compilation_cache/cache_hits"


def make() -> Tree:
    """Weights, the same each time."""
    random = np.random.default_rng(0)

    def weight(*shape: int) -> Any:
        return (random.standard_normal(shape) / np.sqrt(shape[0])).astype("float32")

    shapes = {"query": 1, "key": 1, "value": 1, "out": 1, "up": 4, "down": -4}
    blocks = [
        {name: weight(WIDTH * max(-by, 1), WIDTH * max(by, 1)) for name, by in shapes.items()}
        for _ in range(BLOCKS)
    ]
    return {"words": weight(WORDS, WIDTH), "places": weight(LENGTH, WIDTH), "blocks": blocks}


@jax.jit
def embed(model: Tree, text: Any) -> Any:
    """Words and their places."""
    return model["words"][text] + model["places"][: text.shape[-1]]


@jax.jit
def norm(x: Any) -> Any:
    """Each place's mean 0 and deviation 1."""
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5)


@jax.jit
def attend(block: Tree, x: Any) -> Any:
    """What each place takes from those before it."""
    batch, length, width = x.shape

    def split(name: str) -> Any:
        return (norm(x) @ block[name]).reshape(batch, length, HEADS, -1).swapaxes(1, 2)

    scores = split("query") @ split("key").swapaxes(2, 3) / np.sqrt(width / HEADS)
    scores = jnp.where(np.tril(np.ones((length, length), bool)), scores, -jnp.inf)
    mixed = jax.nn.softmax(scores) @ split("value")
    return mixed.swapaxes(1, 2).reshape(x.shape) @ block["out"]


@jax.jit
def feed(block: Tree, x: Any) -> Any:
    """Two layers for each place by itself."""
    return jax.nn.gelu(norm(x) @ block["up"]) @ block["down"]


@jax.jit
def through(block: Tree, x: Any) -> Any:
    """One block."""
    x = x + attend(block, x)
    return x + feed(block, x)


@jax.jit
def score(model: Tree, text: Any) -> Any:
    """Of each next word."""
    x = embed(model, text)
    for block in model["blocks"]:
        x = through(block, x)
    return norm(x) @ model["words"].T


@jax.jit
def loss(model: Tree, text: Any) -> Any:
    """Cross entropy of the next words."""
    likely = jax.nn.log_softmax(score(model, text[:, :-1]))
    return -jnp.take_along_axis(likely, text[:, 1:, None], -1).mean()


loss_and_gradient = jax.jit(jax.value_and_grad(loss))


@jax.jit
def clip(gradient: Tree) -> Any:
    """No longer than 1."""
    length = jnp.sqrt(sum(jnp.square(leaf).sum() for leaf in jax.tree.leaves(gradient)))
    return jax.tree.map(lambda leaf: leaf / jnp.maximum(length, 1.0), gradient)


@jax.jit
def adam(model: Tree, first: Tree, second: Tree, gradient: Tree, step: Any) -> Any:
    """The optimizer's step."""
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
    second = jax.tree.map(lambda v, g: 0.99 * v + 0.01 * g * g, second, gradient)

    def moved(weight: Any, m: Any, v: Any) -> Any:
        m, v = m / (1 - 0.9**step), v / (1 - 0.99**step)
        return weight - 1e-3 * m / (jnp.sqrt(v) + 1e-8)

    return jax.tree.map(moved, model, first, second), first, second


@jax.jit
def decayed(model: Tree) -> Any:
    """The weights, a little smaller."""
    return jax.tree.map(lambda leaf: leaf * 0.999, model)


@jax.jit
def lengths(tree: Tree) -> Any:
    """How long each weight or gradient is."""
    return jax.tree.map(jnp.linalg.norm, tree)


@jax.jit
def averaged(average: Tree, model: Tree) -> Any:
    """The average of weights over steps."""
    return jax.tree.map(lambda old, new: 0.99 * old + 0.01 * new, average, model)


@jax.jit
def accuracy(model: Tree, text: Any) -> Any:
    """The share of next words that were found."""
    return (score(model, text[:, :-1]).argmax(-1) == text[:, 1:]).mean()


@jax.jit
def extended(model: Tree, text: Any) -> Any:
    """The text, without its first word, and with the likeliest next one."""
    found = score(model, text)[:, -1].argmax(-1)
    return jnp.concatenate([text[:, 1:], found[:, None]], 1)


@functools.partial(jax.jit, static_argnums=0)
def saliency(part: Any, block: Tree, x: Any) -> Any:
    """How much each input matters to a part of a block."""
    return jnp.abs(jax.grad(lambda x: jnp.square(part(block, x)).sum())(x)).sum(-1)


@functools.partial(jax.jit, static_argnums=0)
def sharpness(part: Any, block: Tree, x: Any) -> Any:
    """How fast a part's gradient changes along itself."""
    gradient = jax.grad(lambda block: jnp.square(part(block, x)).mean())
    along = gradient(block)
    _, change = jax.jvp(gradient, (block,), (along,))
    return sum(jnp.vdot(a, b) for a, b in zip(*map(jax.tree.leaves, (along, change)), strict=True))


def train(model: Tree, text: Any) -> list[float]:
    """Steps, and what was learned."""
    zero = jax.tree.map(np.zeros_like, model)
    first, second, average, told = zero, zero, model, []
    for step, batch in enumerate(text, start=1):
        value, gradient = loss_and_gradient(model, batch)
        model, first, second = adam(model, first, second, clip(gradient), np.float32(step))
        model = decayed(model)
        average = averaged(average, model)
        told.append(float(value))
    told += [float(length) for length in jax.tree.leaves(lengths(model))]
    told += [float(function(average, text[0])) for function in (loss, accuracy)]
    return told


def look(model: Tree, text: Any) -> list[float]:
    """What parts do, by themselves and at several lengths."""
    told = []
    x = embed(model, text[0])
    for part in (attend, feed, through):
        block = model["blocks"][0]
        for seen in (part(block, x), saliency(part, block, x), sharpness(part, block, x)):
            told.append(float(np.asarray(seen).sum()))
    for length in (4, 8, 16, LENGTH):
        told.append(float(np.asarray(extended(model, text[0][:, :length])).sum()))
    return told


def main() -> None:
    """Train, look, and write times and results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    seconds: list[float] = []
    hits: list[str] = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, taken, **_: seconds.append(taken) if event == _COMPILED else None
    )
    jax.monitoring.register_event_listener(
        lambda event, **_: hits.append(event) if event == _HIT else None
    )
    model = make()
    text = np.random.default_rng(1).integers(WORDS, size=(STEPS, BATCH, LENGTH + 1))
    text = text.astype("int32")
    jax.devices()
    began = time.perf_counter()
    results = train(model, text) + look(model, text[:, :, :LENGTH])
    result = {
        "first_calls": time.perf_counter() - began,
        "compile": sum(seconds),
        "asked": len(seconds),
        "hits": len(hits),
        "results": [value.hex() for value in results],
    }
    arguments.out.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
