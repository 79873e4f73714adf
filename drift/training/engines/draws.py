"""Normal and uniform numbers for many subjects at once, each from its own named stream."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from drift.streams import STREAMS, stream


class Draws(ABC):
    """Generators of one stream, one a subject; what one subject draws depends on its seed alone."""

    @abstractmethod
    def normal(self, *buffers: Tensor) -> None:
        """Fill buffers (subject, ...) with standard normal numbers, one subject after the other."""

    @abstractmethod
    def uniform(self, *buffers: Tensor) -> None:
        """Fill buffers (subject, ...) with uniform numbers of mean 0 and variance 1."""

    @abstractmethod
    def exponential(self, *buffers: Tensor) -> None:
        """Fill buffers (subject, ...) with exponential numbers of mean 1."""

    @abstractmethod
    def poisson(self, rate: float, *buffers: Tensor) -> None:
        """Fill buffers (subject, ...) with Poisson counts of the given mean."""

    @abstractmethod
    def state(self) -> np.ndarray:
        """Return the state of all generators as bytes, shape (subject, bytes)."""

    @abstractmethod
    def restore(self, state: np.ndarray) -> None:
        """Go back to a state."""


class HostDraws(Draws):
    """numpy generators that write straight into CPU tensors."""

    def __init__(self, seeds: Sequence[int], name: str, child: int | None = None) -> None:
        self._generators = [stream(seed, name, child) for seed in seeds]

    def normal(self, *buffers: Tensor) -> None:
        """Fill buffers with standard normal numbers."""
        for buffer in buffers:
            kind = np.float32 if buffer.dtype == torch.float32 else np.float64
            for generator, block in zip(self._generators, buffer, strict=True):
                generator.standard_normal(out=block.numpy(), dtype=kind)

    def uniform(self, *buffers: Tensor) -> None:
        """Fill buffers with uniform numbers of mean 0 and variance 1."""
        for buffer in buffers:
            for generator, block in zip(self._generators, buffer, strict=True):
                values = block.numpy()
                generator.random(out=values, dtype=values.dtype)
                values -= 0.5
                values *= np.sqrt(12)

    def exponential(self, *buffers: Tensor) -> None:
        """Fill buffers with exponential numbers of mean 1."""
        for buffer in buffers:
            for generator, block in zip(self._generators, buffer, strict=True):
                generator.standard_exponential(out=block.numpy(), dtype=block.numpy().dtype.type)

    def poisson(self, rate: float, *buffers: Tensor) -> None:
        """Fill buffers with Poisson counts."""
        for buffer in buffers:
            for generator, block in zip(self._generators, buffer, strict=True):
                block.numpy()[...] = generator.poisson(rate, tuple(block.shape))

    def state(self) -> np.ndarray:
        """Return the states as JSON text in bytes."""
        texts = [
            json.dumps(_plain(generator.bit_generator.state)).encode()
            for generator in self._generators
        ]
        return np.array([np.frombuffer(text.ljust(STATE_BYTES), np.uint8) for text in texts])

    def restore(self, state: np.ndarray) -> None:
        """Go back to a state."""
        for generator, text in zip(self._generators, state, strict=True):
            generator.bit_generator.state = _from_plain(json.loads(text.tobytes()))


class DeviceDraws(Draws):
    """torch generators on the device, for tensors that live there."""

    def __init__(
        self, seeds: Sequence[int], name: str, device: str, child: int | None = None
    ) -> None:
        key = (STREAMS[name],) if child is None else (STREAMS[name], child)
        entropy = [
            np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)[0]
            for seed in seeds
        ]
        self._generators = [
            torch.Generator(device).manual_seed(int(word >> np.uint64(1))) for word in entropy
        ]

    def normal(self, *buffers: Tensor) -> None:
        """Fill buffers with standard normal numbers."""
        for buffer in buffers:
            for generator, block in zip(self._generators, buffer, strict=True):
                block.normal_(generator=generator)

    def uniform(self, *buffers: Tensor) -> None:
        """Fill buffers with uniform numbers of mean 0 and variance 1."""
        half = float(np.sqrt(3))
        for buffer in buffers:
            for generator, block in zip(self._generators, buffer, strict=True):
                block.uniform_(-half, half, generator=generator)

    def exponential(self, *buffers: Tensor) -> None:
        """Fill buffers with exponential numbers of mean 1."""
        for buffer in buffers:
            for generator, block in zip(self._generators, buffer, strict=True):
                block.exponential_(generator=generator)

    def poisson(self, rate: float, *buffers: Tensor) -> None:
        """Fill buffers with Poisson counts."""
        for buffer in buffers:
            for generator, block in zip(self._generators, buffer, strict=True):
                block.copy_(torch.poisson(torch.full_like(block, rate), generator=generator))

    def state(self) -> np.ndarray:
        """Return the states of the torch generators."""
        return np.array([generator.get_state().numpy() for generator in self._generators])

    def restore(self, state: np.ndarray) -> None:
        """Go back to a state."""
        for generator, words in zip(self._generators, state, strict=True):
            generator.set_state(torch.from_numpy(words.copy()))


STATE_BYTES = 512


def draws(seeds: Sequence[int], name: str, device: str, child: int | None = None) -> Draws:
    """Return the generators of a stream for subjects whose tensors live on ``device``."""
    if device == "cpu":
        return HostDraws(seeds, name, child)
    return DeviceDraws(seeds, name, device, child)


def noise_draws(seeds: Sequence[int], kind: str, device: str) -> Draws:
    """Return the generators of a noise: its own stream, or a child of ``own_noise`` that its kind
    tells from those of other kinds."""
    if f"{kind}_noise" in STREAMS and kind != "own":
        return draws(seeds, f"{kind}_noise", device)
    child = int.from_bytes(hashlib.sha256(kind.encode()).digest()[:4], "big")
    return draws(seeds, "own_noise", device, child)


def _plain(state: Mapping[str, Any]) -> dict[str, Any]:
    words = [int(word) for word in state["state"]["state"]]
    return {**state, "state": {"state": words}}


def _from_plain(state: Mapping[str, Any]) -> dict[str, Any]:
    return {**state, "state": {"state": np.array(state["state"]["state"], np.uint64)}}
