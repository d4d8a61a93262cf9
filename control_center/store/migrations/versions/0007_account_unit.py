"""The unit that an account belongs to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_account_unit"
down_revision = "0006_limits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Step forward."""
    op.add_column("accounts", sa.Column("unit", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Step back."""
    op.drop_column("accounts", "unit")
