"""What can be wrong: with a whole file (an error with one sentence), or with one row (a fault in a list of them)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from server.errors import Invalid
from server.texts import text


class SheetTooLarge(Invalid):
    """More than the limits allow, packed or unpacked."""

    code = "sheets.too_large"


class NotASheet(Invalid):
    """Neither xlsx nor CSV."""

    code = "sheets.not_a_sheet"


class OldExcel(Invalid):
    """The binary format from before 2007."""

    code = "sheets.old_excel"


class PasswordProtected(Invalid):
    code = "sheets.password_protected"


class BrokenSheet(Invalid):
    """It says that it is a sheet, and cannot be read to its end."""

    code = "sheets.broken"


class TooManyRows(Invalid):
    code = "sheets.too_many_rows"


class TooManyColumns(Invalid):
    code = "sheets.too_many_columns"


class NoSuchSheet(Invalid):
    code = "sheets.no_such_sheet"


class HeaderMissing(Invalid):
    """`names`: the columns that must be there and are not."""

    code = "sheets.header_missing"


class HeaderTwice(Invalid):
    code = "sheets.header_twice"


@dataclass(frozen=True, slots=True)
class RowFault:
    """One thing that is wrong in one row; `column` is a key, or empty when it is about the row."""

    row: int
    column: str
    code: str
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        return text(f"sheets.fault_{self.code}", **self.facts)
