"""`flask demo load`: a district to try things on. Development only; loading it again changes nothing."""

import json
import secrets
from functools import partial
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
import yaml
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from server.accounts import posts, second_factor, staff
from server.accounts.policy import Role, needs_second_factor
from server.accounts.staff_models import StaffMember
from server.cli.common import fail, parts
from server.cli.qr import OPERATOR, make_code
from server.clock import utc_now
from server.crisis import service as crisis
from server.crisis.models import DutyWindow
from server.organisations import service as organisations
from server.organisations import service_points
from server.organisations.hours import read_hours
from server.organisations.models import EntryPoint, HostKind, Level, Organisation
from server.organisations.posters import draw_png
from server.parts import Parts
from server.printing import poster_of


@click.group("demo")
def demo_group() -> None:
    """A trial's data."""


@demo_group.command()
@with_appcontext
def load() -> None:
    """Load the tree, colleagues, duty hours and posters of a trial."""
    built = parts()
    if not built.settings.is_development:
        fail("Demo data may only be loaded where XINQIAO_ENV=development.")
    folder = built.settings.xinqiao_content / "demo"
    tree = yaml.safe_load((folder / "organisations.yaml").read_text(encoding="utf-8"))
    wanted = yaml.safe_load((folder / "setup.yaml").read_text(encoding="utf-8"))
    built.database.write(lambda session: _load_tree(session, tree))
    logins = _load_staff(built, wanted["staff"])
    built.database.write(lambda session: _load_duty(session, wanted["duty_hours"]))
    built.database.write(lambda session: _load_service_points(session, wanted["service_points"]))
    posters = _load_posters(built, wanted["posters"])
    click.echo(f"demo: 428 places, {len(logins)} colleagues, {posters} posters")


def _load_tree(session: Session, tree: dict[str, Any]) -> None:
    if session.scalar(sa.select(Organisation.id).limit(1)) is not None:
        return
    root = organisations.add_organisation(session, code="D", name=tree["district"], level=Level.DISTRICT, parent=None)
    for number, street in enumerate(tree["streets"], start=1):
        node = organisations.add_organisation(
            session, code=f"S{number:02}", name=street["name"], level=Level.STREET, parent=root
        )
        for place, name in enumerate(street["communities"], start=1):
            organisations.add_organisation(
                session, code=f"S{number:02}-{place:02}", name=name, level=Level.COMMUNITY, parent=node
            )


def _load_staff(built: Parts, rows: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    """Log-ins of their own for this machine: nothing that is printed in a repository opens a console.

    The file holds each password and the secret of the authenticator, where the role needs one: the sandbox shows its codes.
    """
    file = built.settings.xinqiao_instance / "demo-logins.json"
    kept: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    logins = {row["login_name"]: _login_of(row, kept.get(row["login_name"])) for row in rows}
    _write_private(file, json.dumps(logins, indent=1, ensure_ascii=False))

    def work(session: Session) -> None:
        for row in rows:
            _load_colleague(session, row, logins[row["login_name"]])

    built.database.write(work)
    return logins


def _login_of(row: dict[str, str], kept: dict[str, str] | str | None) -> dict[str, str]:
    if isinstance(kept, str):  # a file of before there were authenticators
        kept = {"password": kept}
    made = {"password": _new_password(), "secret": ""}
    if needs_second_factor([Role(row["role"])]):
        made["secret"] = second_factor.as_text(secrets.token_bytes(20))
    return made | (kept or {}) | {"name": row["display_name"], "role": row["role"]}


def _load_colleague(session: Session, row: dict[str, str], login: dict[str, str]) -> None:
    now = utc_now()
    member = session.scalar(sa.select(StaffMember).where(StaffMember.login_name == row["login_name"]))
    if member is None:
        member = staff.create_staff(
            session,
            login_name=row["login_name"],
            display_name=row["display_name"],
            password=login["password"],
            now=now,
        )
        node = organisations.get_by_code(session, row["at"]) if "at" in row else organisations.root_of(session)
        posts.give_post(session, member=member, wanted=posts.Wanted(Role(row["role"]), node), by=None, now=now)
    # One that somebody enrolled by hand stays.
    if login["secret"] and second_factor.find_secret(session, who=member) is None:
        second_factor.set_factor(session, who=member, secret=second_factor.from_text(login["secret"]), now=now)


def _new_password() -> str:
    return "-".join(secrets.token_hex(2) for _ in range(4))


def _write_private(file: Path, content: str) -> None:
    file.touch(mode=0o600)
    file.write_text(content, encoding="utf-8")


def _load_duty(session: Session, hours: str) -> None:
    if session.scalar(sa.select(DutyWindow.id).limit(1)) is None:
        root = organisations.root_of(session)
        crisis.set_duty_hours(session, organisation=root, hours=read_hours(hours).windows, now=utc_now())


def _load_service_points(session: Session, rows: list[dict[str, Any]]) -> None:
    if service_points.is_any_open(session):
        return
    for row in rows:
        place = organisations.get_by_code(session, row["at"])
        values = {name: value for name, value in row.items() if name != "at"}
        point = service_points.Wanted(**values | {"host_kind": HostKind(row["host_kind"])})
        service_points.add_service_point(session, place=place, wanted=point, actor=OPERATOR, now=utc_now())


def _load_posters(built: Parts, rows: list[dict[str, Any]]) -> int:
    folder = built.settings.xinqiao_instance / "posters"
    folder.mkdir(parents=True, exist_ok=True)
    index = []
    for row in rows:
        node, known = built.database.read(partial(_poster_place, row=row))
        is_plain = row["kind"] == "plain"
        point = known if known is not None and (known.wechat_url or is_plain) else None
        if point is None:
            point = make_code(
                built, node, door=row["door"], target=row["target"], until=None, plain=is_plain, known=known
            )
        poster = poster_of(built, node.name, point)
        file = folder / f"{node.code}-{point.code}.png"
        if not file.exists():
            file.write_bytes(draw_png(poster))
        index.append({"title": f"{poster.place} · {poster.opens}", "content": poster.url})
    # The sandbox's list of posters shows these names beside the codes.
    _write_private(folder / "index.json", json.dumps(index, ensure_ascii=False, indent=1))
    return len(rows)


def _poster_place(session: Session, row: dict[str, Any]) -> tuple[Organisation, EntryPoint | None]:
    code = "D"
    if row["street"]:
        code = f"S{row['street']:02}" + (f"-{row['community']:02}" if row["community"] else "")
    node = organisations.get_by_code(session, code)
    known = session.scalar(
        sa.select(EntryPoint).where(
            EntryPoint.organisation_id == node.id, EntryPoint.door == row["door"], EntryPoint.target == row["target"]
        )
    )
    return node, known
