"""`flask qr …`: codes on paper."""

import sys
from datetime import datetime, timedelta
from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from server import printing
from server.cli.common import fail, parts
from server.clock import utc_now
from server.errors import DomainError, NotFound
from server.organisations import codes
from server.organisations import service as organisations
from server.organisations.models import EntryPoint, Organisation
from server.organisations.posters import draw_png, draw_svg
from server.parts import Parts
from server.texts import text
from server.wechat.client import WeChatError

OPERATOR = ("cli", "-")


@click.group("qr")
def qr_group() -> None:
    """QR codes for places."""


@qr_group.command()
@click.option(
    "--organisation",
    "organisation_codes",
    multiple=True,
    help="code of a node, several times for several; default: the district",
)
@click.option("--below", is_flag=True, help="for every node below as well")
@click.option("--door", default="assessment", show_default=True)
@click.option("--target", default="", help="e.g. phq9; empty leads to the door itself")
@click.option("--days", type=click.IntRange(1, 3650), help="valid for so many days; default: until revoked")
@click.option("--plain", is_flag=True, help="a /q/<code> address instead of a code of the official account")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("instance/posters"), show_default=True
)
@with_appcontext
def make(
    organisation_codes: tuple[str, ...], below: bool, door: str, target: str, days: int | None, plain: bool, out: Path
) -> None:
    """Make a code for each place and write its poster as PNG and SVG."""
    built = parts()
    if not plain and not printing.may_join_account(built):
        fail("Only a certified service account may make codes of its own. Add --plain for addresses of this site.")
    until = utc_now() + timedelta(days=days) if days else None
    try:
        nodes = built.database.read(lambda session: _nodes(session, organisation_codes, below))
    except NotFound as missing:
        fail(f"There is no organisation {missing.facts['organisation']}.")
    out.mkdir(parents=True, exist_ok=True)
    with click.progressbar(nodes, label="posters", file=sys.stderr) as bar:
        for node in bar:
            try:
                point = make_code(built, node, door=door, target=target, until=until, plain=plain)
            except DomainError as refusal:
                fail(text(f"errors.{refusal.code}", **refusal.facts))
            except WeChatError as fault:
                fail(f"WeChat did not make the code for {node.code}: {fault}. With --plain no WeChat is needed.")
            poster = printing.poster_of(built, node.name, point)
            stem = out / f"{node.code}-{point.code}"
            stem.with_suffix(".png").write_bytes(draw_png(poster))
            stem.with_suffix(".svg").write_text(draw_svg(poster), encoding="utf-8")
    click.echo(f"{len(nodes)} posters in {out}")


@qr_group.command()
@click.argument("code")
@with_appcontext
def revoke(code: str) -> None:
    """Make a code lead nowhere but to help. The paper should be taken down."""
    try:
        parts().database.write(lambda session: codes.revoke_code(session, code=code, actor=OPERATOR, now=utc_now()))
    except NotFound:
        fail(f"There is no code {code}.")
    click.echo(f"{code} is revoked.")


def _nodes(session: Session, codes: tuple[str, ...], below: bool) -> list[Organisation]:
    starts = [organisations.get_by_code(session, code) for code in codes] or [organisations.root_of(session)]
    if not below:
        return starts
    return organisations.list_below(session, [node.path for node in starts])


def make_code(
    built: Parts,
    node: Organisation,
    *,
    door: str,
    target: str,
    until: datetime | None,
    plain: bool,
    known: EntryPoint | None = None,
) -> EntryPoint:
    """A stored entry point (or the `known` one), for a code of the official account with its ticket's address.

    It is stored before WeChat is asked: a call that fails leaves a code that the next run completes.
    """
    now = utc_now()
    point = known or built.database.write(
        lambda session: codes.make_code(
            session,
            doors=built.doors,
            place=node,
            door=door,
            target=target,
            valid_until=until,
            actor=OPERATOR,
            now=now,
        )
    )
    if not plain:
        printing.join_account(built, built.database.write, point, now=now)
    return point
