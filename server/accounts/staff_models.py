"""Tables of staff: accounts, teams, posts, sessions, invitations."""

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from server.accounts.policy import Role
from server.db import Base, BigPk, BigRef, PublicId, ascii_string, code_enum


class StaffMember(Base):
    __tablename__ = "staff_members"
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    login_name: Mapped[str] = mapped_column(ascii_string(64), unique=True)
    display_name: Mapped[str] = mapped_column(sa.String(40))
    # Empty until the invitation was taken: then nothing fits it.
    password_hash: Mapped[str] = mapped_column(ascii_string(200))
    password_changed_at: Mapped[datetime | None]
    is_active: Mapped[bool]
    created_at: Mapped[datetime]
    last_signed_in_on: Mapped[date | None]


class Team(Base):
    """Colleagues who work together: an agency's counsellors, a street's first-on-scene group."""

    __tablename__ = "teams"
    __table_args__ = (sa.UniqueConstraint("organisation_id", "name"), Base.__table_args__)
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    organisation_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("organisations.id"))
    name: Mapped[str] = mapped_column(sa.String(60))
    is_active: Mapped[bool]


class StaffPost(Base):
    """A role held at a node of the tree, from a day until before another; within one department line or one team if named."""

    __tablename__ = "staff_posts"
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    staff_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("staff_members.id"), index=True)
    organisation_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("organisations.id"), index=True)
    department_id: Mapped[BigRef | None] = mapped_column(sa.ForeignKey("departments.id"))
    team_id: Mapped[BigRef | None] = mapped_column(sa.ForeignKey("teams.id"))
    role: Mapped[Role] = mapped_column(code_enum(Role))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None] = mapped_column(index=True)
    # When what its holder had taken over went back to the node.
    handed_over_at: Mapped[datetime | None]


class SessionKind(StrEnum):
    SCREEN = "screen"
    BELL = "bell"  # counts and rings on a duty screen whose words are locked; can read nothing else


class StaffSession(Base):
    """A staff log-in. Only the hash of its token is kept; the row is the session, so it can be listed and ended."""

    __tablename__ = "staff_sessions"
    token_hash: Mapped[str] = mapped_column(ascii_string(64), primary_key=True)
    public_id: Mapped[PublicId]
    staff_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("staff_members.id"), index=True)
    kind: Mapped[SessionKind] = mapped_column(code_enum(SessionKind))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime] = mapped_column(index=True)
    second_factor_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
