"""One module for each version of the tables: Alembic loads them, ``storage.versions`` runs them."""
