"""What is in the way of an agent: one step at a time, in plain numbers, which for the few sides of an
arena are faster than arrays."""

from __future__ import annotations

from drift.tasks.worlds.arena import Arena, Disc


class Obstacles:
    """All surfaces of an arena, and the distance that is kept from them.

    Parameters
    ----------
    arena : Arena
    margin : float
        In length units of the arena.
    """

    def __init__(self, arena: Arena, margin: float) -> None:
        first, along = arena.straight.first, arena.straight.last - arena.straight.first
        self._sides = [
            (*start, *way, way[0] ** 2 + way[1] ** 2)
            for start, way in zip(first.tolist(), along.tolist(), strict=True)
        ]
        self._discs = [
            (*item.centre, item.radius) for item in arena.objects if isinstance(item, Disc)
        ]
        self._margin = margin

    def block(self, x: float, y: float, step_x: float, step_y: float) -> bool:
        """Tell whether a step from a free point crosses a surface, or ends too near to one.

        Parameters
        ----------
        x, y : float
            The point.
        step_x, step_y : float
            The step.
        """
        return any(self._at_side(x, y, step_x, step_y, side) for side in self._sides) or any(
            self._at_disc(x, y, step_x, step_y, disc) for disc in self._discs
        )

    def _at_side(
        self, x: float, y: float, step_x: float, step_y: float, side: tuple[float, ...]
    ) -> bool:
        first_x, first_y, along_x, along_y, square = side
        from_x, from_y = first_x - x, first_y - y
        turn = step_x * along_y - step_y * along_x
        if turn:
            when = (from_x * along_y - from_y * along_x) / turn
            share = (from_x * step_y - from_y * step_x) / turn
            if 0 <= when <= 1 and 0 <= share <= 1:
                return True
        end_x, end_y = step_x - from_x, step_y - from_y
        nearest = min(max((end_x * along_x + end_y * along_y) / square, 0.0), 1.0)
        apart_x, apart_y = end_x - nearest * along_x, end_y - nearest * along_y
        return apart_x * apart_x + apart_y * apart_y < self._margin**2

    def _at_disc(
        self, x: float, y: float, step_x: float, step_y: float, disc: tuple[float, ...]
    ) -> bool:
        to_x, to_y, radius = disc[0] - x, disc[1] - y, disc[2]
        square = step_x * step_x + step_y * step_y
        nearest = min(max((to_x * step_x + to_y * step_y) / (square or 1.0), 0.0), 1.0)
        way_x, way_y = nearest * step_x - to_x, nearest * step_y - to_y
        end_x, end_y = step_x - to_x, step_y - to_y
        kept = (radius + self._margin) ** 2
        return way_x**2 + way_y**2 < radius**2 or end_x**2 + end_y**2 < kept
