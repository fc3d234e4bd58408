"""Index the trail by what its pages are asked for: act, colleague, object, day."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NEW = {
    "ix_audit_events_actor": ["actor_id", "seq"],
    "ix_audit_events_object": ["object_id", "seq"],
    "ix_audit_events_at": ["at"],
}


def upgrade() -> None:
    op.drop_index("ix_audit_events_action", "audit_events")
    op.create_index("ix_audit_events_action", "audit_events", ["action", "seq"])
    for name, columns in _NEW.items():
        op.create_index(name, "audit_events", columns)


def downgrade() -> None:
    for name in _NEW:
        op.drop_index(name, "audit_events")
    op.drop_index("ix_audit_events_action", "audit_events")
    op.create_index("ix_audit_events_action", "audit_events", ["action"])
