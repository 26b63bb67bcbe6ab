"""The ids of a customer: stored as who bears them, and how surely; told as a profile tells them.

What enters: the name of a table of customers. What leaves: SQL text. It decides nothing about who bears what.
"""

from __future__ import annotations


def ids_in_sql(customers: str) -> str:
    """The JSON of a profile's ids, out of `[[persons.id, event.Trust], …]`, in that order."""
    word = "CASE known.value ->> 1 WHEN 0 THEN 'claimed' WHEN 1 THEN 'browser' WHEN 2 THEN 'signed' ELSE 'server' END"
    told = f"'kind', CASE bearer.kind WHEN 1 THEN 'email' ELSE 'user' END, 'value', bearer.value, 'strength', {word}"
    each = f"CASE bearer.space WHEN '' THEN json_object({told}) ELSE json_object({told}, 'space', bearer.space) END"
    return (
        f"(SELECT json_group_array(json({each})) FROM json_each({customers}.ids) AS known "
        "CROSS JOIN persons AS bearer ON bearer.id = known.value ->> 0)"
    )
