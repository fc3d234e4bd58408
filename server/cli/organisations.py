"""`flask organisations …`: places from sheets. The console's import page runs the same piece."""

from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from server.cli.common import fail, parts
from server.clock import utc_now
from server.errors import DomainError
from server.organisations.imports import DepartmentImporter, ServicePointImporter, Wanted
from server.sheets.importing import Importer, Plan, RowsAtFault, run_import
from server.sheets.reading import read_sheet
from server.sheets.writing import write_faults, write_template
from server.texts import text

_IMPORTERS: dict[str, Importer[Wanted]] = {
    "departments": DepartmentImporter(),
    "service-points": ServicePointImporter(),
}
_CLI = ("cli", "-")
_kind = click.option("--kind", type=click.Choice(list(_IMPORTERS)), required=True, help="what the sheet holds")


@click.group("organisations")
def organisations_group() -> None:
    """Departments and service points, from and to sheets."""


@organisations_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_kind
@with_appcontext
def import_sheet(file: Path, kind: str) -> None:
    """Import FILE (xlsx or CSV), all or nothing. Importing it again changes nothing.

    Rows at fault come back beside FILE as a sheet with a column of reasons.
    """
    importer, now = _IMPORTERS[kind], utc_now()

    def work(session: Session) -> Plan[Wanted]:
        return run_import(session, importer, sheet, actor=_CLI, now=now)

    try:
        sheet = read_sheet(file, importer.columns())
        plan = parts().database.write(work)
    except RowsAtFault as refusal:
        for fault in refusal.faults:
            click.echo(text("sheets.row_fault", row=fault.row, sentence=fault.sentence), err=True)
        beside = file.with_name(f"{file.stem}-faults.xlsx")
        beside.write_bytes(write_faults(file, importer.columns(), refusal.faults))
        fail(f"{text(f'errors.{refusal.code}', **refusal.facts)} {beside}")
    except DomainError as refusal:
        fail(text(f"errors.{refusal.code}", **refusal.facts))
    click.echo(f"{plan.added} added, {plan.changed} changed, {plan.unchanged} unchanged")


@organisations_group.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_kind
@with_appcontext
def template(file: Path, kind: str) -> None:
    """Write an empty sheet to fill in to FILE (.xlsx): names, notes, an example, drop-downs."""
    file.write_bytes(write_template(_IMPORTERS[kind].columns()))
    click.echo(f"{file} is ready to be filled in.")
