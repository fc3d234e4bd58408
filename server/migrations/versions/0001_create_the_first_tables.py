"""Create the first tables: tree and codes, people, alerts, responses, trail, protocol."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def ascii_text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length)  # by byte, as every table is utf8mb4_bin


# Types are repeated here, not imported: a migration must mean tomorrow what it means today.
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
SEALED = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
DIGEST = sa.LargeBinary(32).with_variant(mysql.VARBINARY(32), "mysql", "mariadb")
TABLE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
# Without a rowid SQLite keeps no order of arrival.
UNORDERED: dict[str, Any] = {**TABLE, "sqlite_with_rowid": False}


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor_kind", ascii_text(16), nullable=False),
        sa.Column("actor_id", ascii_text(64), nullable=False),
        sa.Column("action", ascii_text(48), nullable=False),
        sa.Column("object_kind", ascii_text(32), nullable=False),
        sa.Column("object_id", ascii_text(64), nullable=False),
        sa.Column("reason", ascii_text(64), nullable=False),
        sa.Column("previous", DIGEST, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_events"),
        **TABLE,
    )
    op.create_index("ix_audit_events_action", "audit_events", ["action"])

    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("key_sealed", SEALED, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
        **TABLE,
    )
    op.create_table(
        "heartbeats",
        sa.Column("process", ascii_text(32), nullable=False),
        sa.Column("beat_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("process", name="pk_heartbeats"),
        **TABLE,
    )
    op.create_table(
        "inbound_messages",
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("key", DIGEST, nullable=False),
        sa.Column("reply_sealed", SEALED, nullable=False),
        sa.PrimaryKeyConstraint("received_on", "key", name="pk_inbound_messages"),
        **UNORDERED,
    )
    op.create_table(
        "instrument_versions",
        sa.Column("instrument_id", ascii_text(40), nullable=False),
        sa.Column("version", ascii_text(20), nullable=False),
        sa.Column("definition_hash", ascii_text(64), nullable=False),
        sa.PrimaryKeyConstraint("instrument_id", "version", name="pk_instrument_versions"),
        **TABLE,
    )
    op.create_table(
        "leases",
        sa.Column("name", ascii_text(64), nullable=False),
        sa.Column("owner", ascii_text(64), nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
        **TABLE,
    )
    op.create_table(
        "organisations",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("public_id", ascii_text(22), nullable=False),
        sa.Column("code", ascii_text(32), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("level", ascii_text(32), nullable=False),
        sa.Column("parent_id", BIG_ID, nullable=True),
        sa.Column("path", ascii_text(255), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["organisations.id"], name="fk_organisations_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_organisations"),
        sa.UniqueConstraint("code", name="uq_organisations_code"),
        sa.UniqueConstraint("public_id", name="uq_organisations_public_id"),
        **TABLE,
    )
    op.create_index("ix_organisations_parent_id", "organisations", ["parent_id"])
    op.create_index("ix_organisations_path", "organisations", ["path"])

    op.create_table(
        "residents",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("public_id", ascii_text(22), nullable=False),
        sa.Column("created_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_residents"),
        sa.UniqueConstraint("public_id", name="uq_residents_public_id"),
        **TABLE,
    )
    op.create_table(
        "staff_members",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("public_id", ascii_text(22), nullable=False),
        sa.Column("login_name", ascii_text(64), nullable=False),
        sa.Column("display_name", sa.String(length=40), nullable=False),
        sa.Column("password_hash", ascii_text(200), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_staff_members"),
        sa.UniqueConstraint("login_name", name="uq_staff_members_login_name"),
        sa.UniqueConstraint("public_id", name="uq_staff_members_public_id"),
        **TABLE,
    )
    op.create_table(
        "throttles",
        sa.Column("key_index", DIGEST, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failed_at", INSTANT, nullable=False),
        sa.Column("blocked_until", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("key_index", name="pk_throttles"),
        **TABLE,
    )
    op.create_index("ix_throttles_last_failed_at", "throttles", ["last_failed_at"])

    op.create_table(
        "wechat_access_tokens",
        sa.Column("app_id", ascii_text(32), nullable=False),
        sa.Column("token_sealed", SEALED, nullable=True),
        sa.Column("fetched_at", INSTANT, nullable=True),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("leased_by", ascii_text(32), nullable=True),
        sa.Column("leased_until", INSTANT, nullable=True),
        sa.Column("forced_at", INSTANT, nullable=True),
        sa.Column("forced_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("app_id", name="pk_wechat_access_tokens"),
        **TABLE,
    )
    op.create_table(
        "alerts",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("public_id", ascii_text(22), nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("source_kind", ascii_text(32), nullable=False),
        sa.Column("source_public_id", ascii_text(64), nullable=False),
        sa.Column("rule", ascii_text(64), nullable=False),
        sa.Column("rule_version", ascii_text(64), nullable=False),
        sa.Column("grade", ascii_text(32), nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("is_minor", sa.Boolean(), nullable=False),
        sa.Column("is_reachable", sa.Boolean(), nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
        sa.Column("rings_since", INSTANT, nullable=True),
        sa.Column("acknowledged_at", INSTANT, nullable=True),
        sa.Column("acknowledged_by", BIG_ID, nullable=True),
        sa.Column("resident_id", BIG_ID, nullable=True),
        sa.ForeignKeyConstraint(["acknowledged_by"], ["staff_members.id"], name="fk_alerts_acknowledged_by"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_alerts_organisation_id"),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name="fk_alerts_resident_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.UniqueConstraint("public_id", name="uq_alerts_public_id"),
        sa.UniqueConstraint(
            "source_kind", "source_public_id", "rule", name="uq_alerts_source_kind_source_public_id_rule"
        ),
        **TABLE,
    )
    op.create_index("ix_alerts_open", "alerts", ["acknowledged_at", "is_reachable", "urgency", "raised_at"])
    op.create_index("ix_alerts_organisation_id", "alerts", ["organisation_id"])
    op.create_index("ix_alerts_resident_id", "alerts", ["resident_id"])

    op.create_table(
        "duty_windows",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("opens_minute", sa.Integer(), nullable=False),
        sa.Column("closes_minute", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_duty_windows_organisation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_duty_windows"),
        **TABLE,
    )
    op.create_index("ix_duty_windows_organisation_id", "duty_windows", ["organisation_id"])

    op.create_table(
        "entry_points",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("code", ascii_text(10), nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("door", ascii_text(32), nullable=False),
        sa.Column("target", ascii_text(64), nullable=False),
        sa.Column("valid_from", INSTANT, nullable=False),
        sa.Column("valid_until", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("wechat_url", ascii_text(255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_entry_points_organisation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_entry_points"),
        sa.UniqueConstraint("code", name="uq_entry_points_code"),
        **TABLE,
    )
    op.create_index("ix_entry_points_organisation_id", "entry_points", ["organisation_id"])

    op.create_table(
        "staff_posts",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("role", ascii_text(32), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_staff_posts_organisation_id"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name="fk_staff_posts_staff_id"),
        sa.PrimaryKeyConstraint("id", name="pk_staff_posts"),
        **TABLE,
    )
    op.create_index("ix_staff_posts_organisation_id", "staff_posts", ["organisation_id"])
    op.create_index("ix_staff_posts_staff_id", "staff_posts", ["staff_id"])

    op.create_table(
        "staff_sessions",
        sa.Column("token_hash", ascii_text(64), nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("kind", ascii_text(32), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name="fk_staff_sessions_staff_id"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_staff_sessions"),
        **TABLE,
    )
    op.create_index("ix_staff_sessions_last_used_at", "staff_sessions", ["last_used_at"])
    op.create_index("ix_staff_sessions_staff_id", "staff_sessions", ["staff_id"])

    op.create_table(
        "wechat_identities",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("resident_id", BIG_ID, nullable=False),
        sa.Column("app_id", ascii_text(32), nullable=False),
        sa.Column("openid_index", DIGEST, nullable=False),
        sa.Column("openid_sealed", SEALED, nullable=False),
        sa.Column("is_following", sa.Boolean(), nullable=False),
        sa.Column("followed_on", sa.Date(), nullable=True),
        sa.Column("unfollowed_on", sa.Date(), nullable=True),
        sa.Column("changed_at_wechat", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name="fk_wechat_identities_resident_id"),
        sa.PrimaryKeyConstraint("id", name="pk_wechat_identities"),
        sa.UniqueConstraint("openid_index", name="uq_wechat_identities_openid_index"),
        **TABLE,
    )
    op.create_index("ix_wechat_identities_resident_id", "wechat_identities", ["resident_id"])

    op.create_table(
        "alert_words",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("public_id", ascii_text(22), nullable=False),
        sa.Column("alert_id", BIG_ID, nullable=False),
        sa.Column("words_sealed", SEALED, nullable=False),
        sa.Column("said_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_alert_words_alert_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_words"),
        sa.UniqueConstraint("public_id", name="uq_alert_words_public_id"),
        **TABLE,
    )
    op.create_index("ix_alert_words_alert_id", "alert_words", ["alert_id"])

    op.create_table(
        "contact_requests",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("public_id", ascii_text(22), nullable=False),
        sa.Column("alert_id", BIG_ID, nullable=False),
        sa.Column("phone_index", DIGEST, nullable=False),
        sa.Column("phone_sealed", SEALED, nullable=False),
        sa.Column("call_when", ascii_text(32), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("promised_by", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_contact_requests_alert_id"),
        sa.PrimaryKeyConstraint("id", name="pk_contact_requests"),
        sa.UniqueConstraint("alert_id", "phone_index", name="uq_contact_requests_alert_id_phone_index"),
        sa.UniqueConstraint("public_id", name="uq_contact_requests_public_id"),
        **TABLE,
    )
    op.create_table(
        "entry_point_days",
        sa.Column("entry_point_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("scans", sa.Integer(), server_default="0", nullable=False),
        sa.Column("starts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("finishes", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["entry_point_id"], ["entry_points.id"], name="fk_entry_point_days_entry_point_id"),
        sa.PrimaryKeyConstraint("entry_point_id", "day", name="pk_entry_point_days"),
        **TABLE,
    )
    op.create_table(
        "responses",
        sa.Column("public_id", ascii_text(22), nullable=False),
        sa.Column("token_hash", ascii_text(64), nullable=False),
        sa.Column("instrument_id", ascii_text(40), nullable=False),
        sa.Column("instrument_version", ascii_text(20), nullable=False),
        sa.Column("definition_hash", ascii_text(64), nullable=False),
        sa.Column("status", ascii_text(32), nullable=False),
        sa.Column("care", ascii_text(32), nullable=False),
        sa.Column("is_cleared", sa.Boolean(), nullable=False),
        sa.Column("is_contact_left", sa.Boolean(), nullable=False),
        sa.Column("consent_version", ascii_text(40), nullable=False),
        sa.Column("age_band", ascii_text(32), nullable=False),
        sa.Column("mode", ascii_text(16), nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("entry_point_id", BIG_ID, nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("finished_on", sa.Date(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["entry_point_id"], ["entry_points.id"], name="fk_responses_entry_point_id"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_responses_organisation_id"),
        sa.PrimaryKeyConstraint("public_id", name="pk_responses"),
        sa.UniqueConstraint("token_hash", name="uq_responses_token_hash"),
        **UNORDERED,
    )
    op.create_index("ix_responses_entry_point_id", "responses", ["entry_point_id"])
    op.create_index("ix_responses_organisation_id", "responses", ["organisation_id"])
    op.create_index("ix_responses_started_on", "responses", ["started_on"])

    op.create_table(
        "answers",
        sa.Column("response_id", ascii_text(22), nullable=False),
        sa.Column("item_id", ascii_text(40), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["response_id"], ["responses.public_id"], name="fk_answers_response_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("response_id", "item_id", name="pk_answers"),
        **UNORDERED,
    )


def downgrade() -> None:
    op.drop_table("answers")
    op.drop_table("responses")
    op.drop_table("entry_point_days")
    op.drop_table("contact_requests")
    op.drop_table("alert_words")
    op.drop_table("wechat_identities")
    op.drop_table("staff_sessions")
    op.drop_table("staff_posts")
    op.drop_table("entry_points")
    op.drop_table("duty_windows")
    op.drop_table("alerts")
    op.drop_table("wechat_access_tokens")
    op.drop_table("throttles")
    op.drop_table("staff_members")
    op.drop_table("residents")
    op.drop_table("organisations")
    op.drop_table("leases")
    op.drop_table("instrument_versions")
    op.drop_table("inbound_messages")
    op.drop_table("heartbeats")
    op.drop_table("audit_head")
    op.drop_table("audit_events")
