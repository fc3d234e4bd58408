"""Create the tables of the mini program: devices with their tokens, numbers that were given, answers that are kept a day."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Types are repeated here, not imported: a migration must mean tomorrow what it means today.
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
SEALED = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
TABLE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
UNORDERED: dict[str, Any] = {**TABLE, "sqlite_with_rowid": False}


def upgrade() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("slot", sa.String(64), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("answer_sealed", SEALED, nullable=False),
        sa.Column("forget_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("slot", name="pk_kept_answers"),
        **UNORDERED,
    )
    op.create_index("ix_kept_answers_forget_at", "kept_answers", ["forget_at"])

    op.create_table(
        "api_devices",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("public_id", sa.String(22), nullable=False),
        sa.Column("resident_id", BIG_ID, nullable=False),
        sa.Column("label_sealed", SEALED, nullable=False),
        sa.Column("created_on", sa.Date(), nullable=False),
        sa.Column("last_used_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name="fk_api_devices_resident_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_devices"),
        sa.UniqueConstraint("public_id", name="uq_api_devices_public_id"),
        **TABLE,
    )
    op.create_index("ix_api_devices_last_used_on", "api_devices", ["last_used_on"])
    op.create_index("ix_api_devices_resident_id", "api_devices", ["resident_id"])

    op.create_table(
        "api_refresh_tokens",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("device_id", BIG_ID, nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("is_used", sa.Boolean(), nullable=False),
        sa.Column("repeat_until", INSTANT, nullable=True),
        sa.Column("successor_sealed", SEALED, nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["api_devices.id"], name="fk_api_refresh_tokens_device_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_api_refresh_tokens"),
        **TABLE,
    )
    op.create_index("ix_api_refresh_tokens_device_id", "api_refresh_tokens", ["device_id"])
    op.create_index("ix_api_refresh_tokens_expires_on", "api_refresh_tokens", ["expires_on"])
    op.create_index("ix_api_refresh_tokens_repeat_until", "api_refresh_tokens", ["repeat_until"])

    op.create_table(
        "resident_phones",
        sa.Column("resident_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("phone_sealed", SEALED, nullable=False),
        sa.Column("consent_version", sa.String(40), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name="fk_resident_phones_resident_id"),
        sa.PrimaryKeyConstraint("resident_id", name="pk_resident_phones"),
        **TABLE,
    )


def downgrade() -> None:
    op.drop_table("resident_phones")
    op.drop_table("api_refresh_tokens")
    op.drop_table("api_devices")
    op.drop_table("kept_answers")
