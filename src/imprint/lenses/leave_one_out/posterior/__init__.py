"""The closed form: posterior, self influence, queries, groups, additions, duplicates."""
