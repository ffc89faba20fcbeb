"""A block of features: named planes over time and instruments."""

from __future__ import annotations

from dataclasses import dataclass

from tutti.model.market import FloatArray

_AXES = 3


@dataclass(frozen=True, slots=True)
class FeatureBlock:
    """Features of all instruments over consecutive ticks.

    Parameters
    ----------
    names : tuple of str, length f
        What each plane holds.
    values : ndarray of float64, shape (f, t, n)
        Dimensionless; NaN while a feature warms up and where the instrument has no bar.

    Raises
    ------
    ValueError
        If the shape does not fit the names.
    """

    names: tuple[str, ...]
    values: FloatArray

    def __post_init__(self) -> None:
        if self.values.ndim != _AXES or len(self.values) != len(self.names):
            raise ValueError(
                f"values must have shape ({len(self.names)}, t, n), was {self.values.shape}"
            )

    def __len__(self) -> int:
        return int(self.values.shape[1])

    def __getitem__(self, name: str) -> FloatArray:
        """Return one feature as a view of shape (t, n); ValueError names the known ones."""
        if name not in self.names:
            known = ", ".join(self.names)
            raise ValueError(f"no feature {name!r} in this block; it holds {known}")
        plane: FloatArray = self.values[self.names.index(name)]
        return plane

    def row(self, t: int, i: int) -> dict[str, float]:
        """Return every feature of instrument ``i`` at tick ``t`` by name."""
        return dict(zip(self.names, self.values[:, t, i].tolist(), strict=True))
