"""Let residents log in: sessions, links, consents, age, kept results; unionid; looks at an object are found by it."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
SEALED = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
DIGEST = sa.LargeBinary(32).with_variant(mysql.VARBINARY(32), "mysql", "mariadb")
UNORDERED: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "sqlite_with_rowid": False,
}


def upgrade() -> None:
    # Made anew where SQLite would only append: the table shall read as the models would create it.
    recreate: Any = "always" if op.get_context().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("residents", recreate=recreate) as table:
        table.add_column(sa.Column("age_band", sa.String(32), nullable=True))
        table.add_column(sa.Column("deletion_asked_on", sa.Date(), nullable=True))
        table.create_index("ix_residents_deletion_asked_on", ["deletion_asked_on"])
    with op.batch_alter_table("wechat_identities", recreate=recreate) as table:
        table.add_column(sa.Column("union_index", DIGEST, nullable=True))
        table.add_column(sa.Column("union_checked_on", sa.Date(), nullable=True))
        table.create_index("ix_wechat_identities_union_index", ["union_index"])
        table.create_index("ix_wechat_identities_union_checked_on", ["union_checked_on"])
        table.create_index("ix_wechat_identities_changed_at_wechat", ["changed_at_wechat"])
        table.create_index("ix_wechat_identities_unfollowed_on", ["unfollowed_on"])
    op.create_index("ix_audit_events_object_kind_object_id", "audit_events", ["object_kind", "object_id"])

    op.create_table(
        "resident_sessions",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("public_id", sa.String(22), nullable=False),
        sa.Column("resident_id", BIG_ID, nullable=False),
        sa.Column("created_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name="fk_resident_sessions_resident_id"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_resident_sessions"),
        sa.UniqueConstraint("public_id", name="uq_resident_sessions_public_id"),
        **UNORDERED,
    )
    op.create_index("ix_resident_sessions_created_on", "resident_sessions", ["created_on"])
    op.create_index("ix_resident_sessions_resident_id", "resident_sessions", ["resident_id"])

    op.create_table(
        "resident_codes",
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("resident_id", BIG_ID, nullable=False),
        sa.Column("purpose", sa.String(32), nullable=True),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name="fk_resident_codes_resident_id"),
        sa.PrimaryKeyConstraint("code_hash", name="pk_resident_codes"),
        **UNORDERED,
    )
    op.create_index("ix_resident_codes_expires_at", "resident_codes", ["expires_at"])
    op.create_index("ix_resident_codes_resident_id", "resident_codes", ["resident_id"])

    op.create_table(
        "resident_consents",
        sa.Column("public_id", sa.String(22), nullable=False),
        sa.Column("resident_id", BIG_ID, nullable=False),
        sa.Column("guardian_id", BIG_ID, nullable=True),
        sa.Column("guardian_key", BIG_ID, nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("text_version", sa.String(40), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("standing", sa.String(32), nullable=True),
        sa.ForeignKeyConstraint(["guardian_id"], ["residents.id"], name="fk_resident_consents_guardian_id"),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name="fk_resident_consents_resident_id"),
        sa.PrimaryKeyConstraint("public_id", name="pk_resident_consents"),
        sa.UniqueConstraint(
            "resident_id", "guardian_key", "standing", name="uq_resident_consents_resident_id_guardian_key_standing"
        ),
        **UNORDERED,
    )
    op.create_index("ix_resident_consents_guardian_id", "resident_consents", ["guardian_id"])

    op.create_table(
        "kept_results",
        sa.Column("public_id", sa.String(22), nullable=False),
        sa.Column("resident_id", BIG_ID, nullable=False),
        sa.Column("copy_sealed", SEALED, nullable=False),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name="fk_kept_results_resident_id"),
        sa.PrimaryKeyConstraint("public_id", name="pk_kept_results"),
        **UNORDERED,
    )
    op.create_index("ix_kept_results_resident_id", "kept_results", ["resident_id"])


def downgrade() -> None:
    op.drop_table("kept_results")
    op.drop_table("resident_consents")
    op.drop_table("resident_codes")
    op.drop_table("resident_sessions")
    op.drop_index("ix_audit_events_object_kind_object_id", "audit_events")
    with op.batch_alter_table("wechat_identities") as table:
        table.drop_index("ix_wechat_identities_unfollowed_on")
        table.drop_index("ix_wechat_identities_changed_at_wechat")
        table.drop_index("ix_wechat_identities_union_checked_on")
        table.drop_index("ix_wechat_identities_union_index")
        table.drop_column("union_checked_on")
        table.drop_column("union_index")
    with op.batch_alter_table("residents") as table:
        table.drop_index("ix_residents_deletion_asked_on")
        table.drop_column("deletion_asked_on")
        table.drop_column("age_band")
