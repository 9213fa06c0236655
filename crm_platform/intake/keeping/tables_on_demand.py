"""Tables by name, each made when it is first asked for: who wants a client's media need not merge its order lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pyarrow as pa


class TablesOnDemand(Mapping[str, pa.Table]):
    """A mapping like any other; `makers` are called once each, by whoever asks first."""

    def __init__(self, makers: Mapping[str, Callable[[], pa.Table]]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, pa.Table] = {}

    def __getitem__(self, name: str) -> pa.Table:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)
