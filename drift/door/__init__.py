"""The door of every public function: what its signature says is checked before it is entered,
inside all is trusted."""

from drift.door.opening import findings, forwarding, opened, opened_methods

__all__ = ["findings", "forwarding", "opened", "opened_methods"]
