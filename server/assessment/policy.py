"""Who may take an instrument: age in bands, asked before the first item."""

from server.accounts.ages import SPANS, AgeBand, Span, is_minor

__all__ = ["SPANS", "AgeBand", "Span", "is_minor"]
