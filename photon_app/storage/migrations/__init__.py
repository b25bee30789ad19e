"""One module for each version of the tables; Alembic reads them, ``storage.versions`` runs them."""
