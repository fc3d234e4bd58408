"""Tables of the tree and of the codes that hang in it."""

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, BigPk, BigRef, PublicId, ascii_string, code_enum
from server.ids import PRINTED_CODE_LENGTH


class Level(StrEnum):
    """What a node is called. Depth is data: a level says nothing about how many lie above."""

    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"
    SCHOOL = "school"
    COMPANY = "company"


class Organisation(Base):
    """A node. `path` is `/1/7/42/`: "all below X" is one range over its index, on both databases."""

    __tablename__ = "organisations"
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    code: Mapped[str] = mapped_column(ascii_string(32), unique=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    level: Mapped[Level] = mapped_column(code_enum(Level))
    parent_id: Mapped[BigRef | None] = mapped_column(sa.ForeignKey("organisations.id"), index=True)
    path: Mapped[str] = mapped_column(ascii_string(255), index=True)
    # True or nothing, and unique: one installation serves one district.
    is_root: Mapped[bool | None] = mapped_column(unique=True)

    @property
    def depth(self) -> int:
        return self.path.count("/") - 2


class Department(Base):
    """A line across the tree (education, health, civil affairs …): the second dimension of who sees what."""

    __tablename__ = "departments"
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    code: Mapped[str] = mapped_column(ascii_string(32), unique=True)
    name: Mapped[str] = mapped_column(sa.String(40))
    is_active: Mapped[bool]


class HostKind(StrEnum):
    """What kind of house a service point is in."""

    COMMUNITY_CENTRE = "community_centre"
    STREET_OFFICE = "street_office"
    SCHOOL = "school"
    HEALTH_CENTRE = "health_centre"
    HOSPITAL = "hospital"
    COMPANY = "company"
    OTHER = "other"


class ServicePoint(Base):
    """A place where one can walk in: with an address, hours and a number."""

    __tablename__ = "service_points"
    __table_args__ = (sa.UniqueConstraint("organisation_id", "name"), Base.__table_args__)
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    organisation_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("organisations.id"))
    name: Mapped[str] = mapped_column(sa.String(60))
    address: Mapped[str] = mapped_column(sa.String(120))
    phone: Mapped[str] = mapped_column(ascii_string(32))
    # As people read them: "Mon-Fri 9:00-17:00", in Chinese.
    hours: Mapped[str] = mapped_column(sa.String(120))
    host_kind: Mapped[HostKind] = mapped_column(code_enum(HostKind))
    accepts_minors: Mapped[bool]
    is_barrier_free: Mapped[bool]
    is_active: Mapped[bool]


class EntryPoint(Base):
    """A code on paper. It may be revoked and may expire; the paper stays on the wall, so it never answers with nothing."""

    __tablename__ = "entry_points"
    id: Mapped[BigPk]
    code: Mapped[str] = mapped_column(ascii_string(PRINTED_CODE_LENGTH), unique=True)
    organisation_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("organisations.id"), index=True)
    door: Mapped[str] = mapped_column(ascii_string(32))
    target: Mapped[str] = mapped_column(ascii_string(64))
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    # What the code holds when WeChat drew it (a ticket's address); empty for a plain /q/<code>.
    wechat_url: Mapped[str] = mapped_column(ascii_string(255))
    created_at: Mapped[datetime]


class EntryPointDay(Base):
    """How often a code was used on a Shanghai day. Counts only: nothing here can be tied to a person."""

    __tablename__ = "entry_point_days"
    entry_point_id: Mapped[BigRef] = mapped_column(
        sa.ForeignKey("entry_points.id"), primary_key=True, autoincrement=False
    )
    day: Mapped[date] = mapped_column(primary_key=True)
    scans: Mapped[int] = mapped_column(server_default="0", default=0)
    starts: Mapped[int] = mapped_column(server_default="0", default=0)
    finishes: Mapped[int] = mapped_column(server_default="0", default=0)
