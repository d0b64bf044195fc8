"""The database as a whole: snapshots of it, and the way from SQLite to PostgreSQL and back."""
