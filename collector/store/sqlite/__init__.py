"""The store in one SQLite file; `store` is its door. Loading one room here loads no other."""
