"""The four grades of a text, from nothing to danger now."""

from enum import StrEnum


class Grade(StrEnum):
    """How soon a human should look. Compare by `rank`: the values are words, and words sort by their letters."""

    NONE = "none"
    GENERAL = "general"
    SERIOUS = "serious"
    HIGH = "high"

    @property
    def rank(self) -> int:
        return _RANKS[self]

    @property
    def rings(self) -> bool:
        """Whether somebody on duty is called, now or within minutes."""
        return self.rank >= Grade.SERIOUS.rank


_RANKS = {grade: rank for rank, grade in enumerate(Grade)}
