"""Random draws that can be repeated: one stream per step of the story, so that changing one step leaves the others."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def stream(seed: int, step: str) -> np.random.Generator:
    """The generator of the step named `step`; the same seed and name always give the same draws."""
    return np.random.default_rng([seed, zlib.crc32(step.encode())])


def pick(rng: np.random.Generator, shares: Real, count: int) -> Whole:
    """`count` positions in `shares`, each with a probability in proportion to its share."""
    edges = np.cumsum(shares) / np.sum(shares)
    return np.minimum(np.searchsorted(edges, rng.random(count), side="right"), len(shares) - 1).astype(np.int64)


def pick_per_row(rng: np.random.Generator, shares: Real) -> Whole:
    """One position for each row of `shares`, which has a row per draw and a column per position."""
    edges = np.cumsum(shares, axis=1)
    chosen = (rng.random(len(shares))[:, None] * edges[:, -1:] >= edges).sum(axis=1)
    position: Whole = np.minimum(chosen, shares.shape[1] - 1).astype(np.int64)
    return position
