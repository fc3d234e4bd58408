"""`flask audit …`: the trail."""

import click
from flask.cli import with_appcontext

from server.audit import service as audit
from server.cli.common import parts
from server.scheduler import read_heads


@click.group("audit")
def audit_group() -> None:
    """The hash-chained trail of acts."""


@audit_group.command()
@with_appcontext
def verify() -> None:
    """Walk the chain, hold it against the heads that were copied elsewhere; exit code 1 where it is broken."""
    copied = read_heads(parts().settings.xinqiao_instance / "audit-heads.jsonl")
    known = [(int(row["seq"]), row["digest"]) for row in copied if int(row["seq"]) > 0]
    verdict = parts().database.read(lambda session: audit.verify(session, known_heads=known))
    if verdict.fault:
        click.echo(f"BROKEN: {verdict.fault} ({verdict.rows} rows are whole)")
        raise SystemExit(1)
    click.echo(
        f"whole: {verdict.rows} rows, head {verdict.head_seq} {verdict.head_digest[:16]}, {len(known)} copies agree"
    )
