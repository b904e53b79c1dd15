"""How the labelling store came to be what it is, step by step; run by Alembic."""
