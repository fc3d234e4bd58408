"""Keep the day on which a colleague last signed in: their sessions are purged after a day and a half."""

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    # A column that is only added would stand in SQLite's text behind the constraints: the table is written anew.
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table("staff_members", recreate="always" if is_sqlite else "never") as table:
        table.add_column(sa.Column("last_signed_in_on", sa.Date()))


def downgrade() -> None:
    with op.batch_alter_table("staff_members") as table:
        table.drop_column("last_signed_in_on")
