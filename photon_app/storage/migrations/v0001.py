"""Version 1: one table of series, and one of their minutes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "series",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.UniqueConstraint("source", "symbol", name="series_source_symbol"),
    )
    op.create_table(
        "bars",
        sa.Column("series_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("open", sa.Double, nullable=False),
        sa.Column("high", sa.Double, nullable=False),
        sa.Column("low", sa.Double, nullable=False),
        sa.Column("close", sa.Double, nullable=False),
        sa.Column("volume", sa.Double, nullable=False),
        sa.Column("turnover", sa.Double, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("open_ms", sa.Integer, nullable=False),
        sa.Column("close_ms", sa.Integer, nullable=False),
        sa.Column("flags", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("series_id", "time_ms", name="bars_pkey"),
        sqlite_with_rowid=False,
    )
