"""Who persons are: links -> each id's customer, and traits.

What enters: calls that name persons. What leaves: `persons.customer`, `links` and `traits`, and the ids whose customer
changed. It knows nothing of visitors.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import msgspec

from collector.event import Trust
from collector.identity import Link, Undo, Why, customers, links_ids
from collector.properties import exact_properties
from collector.store.sqlite.dictionary import Dictionaries, unpack_id
from collector.store.sqlite.facts import Fact, Facts

KNOWN_MAX = 10_000
_ADD_LINK = "INSERT OR IGNORE INTO links (person, seq, user, strength, why) VALUES (?, ?, ?, ?, ?)"
# Primary key of links and index links_user.
_TOUCHING = """
SELECT events.time, events.mid, events.trust, links.seq, links.why, links.person, links.user, links.strength
FROM links JOIN events ON events.seq = links.seq WHERE links.person = :person
UNION
SELECT events.time, events.mid, events.trust, links.seq, links.why, links.person, links.user, links.strength
FROM links JOIN events ON events.seq = links.seq WHERE links.user = :person
"""
# Primary key of links; mostly the first row.
_LINKED = "SELECT 1 FROM links WHERE person = ? AND user = ? AND strength >= ? LIMIT 1"
# Stronger wins, then latest; in the same millisecond the greater messageId.
_PUT_TRAIT = """
INSERT INTO traits (person, name, value, strength, time, seq) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (person, name) DO UPDATE SET
    value = excluded.value, strength = excluded.strength, time = excluded.time, seq = excluded.seq
WHERE (excluded.strength, excluded.time) > (traits.strength, traits.time)
   OR ((excluded.strength, excluded.time) = (traits.strength, traits.time)
       AND (SELECT mid FROM events WHERE seq = excluded.seq) > (SELECT mid FROM events WHERE seq = traits.seq))
"""
_MEMBERS = "SELECT id FROM persons WHERE customer = ?"
# Indexes claims_user, claims_email and events_timeline.
_IDENTIFYING = """
SELECT seq FROM claims WHERE user = :person AND why = :why
UNION SELECT seq FROM claims WHERE email = :person AND user IS NULL AND why = :why
UNION SELECT seq FROM events WHERE subject = -:person
"""
_encoder = msgspec.json.Encoder(decimal_format="number")


class People:
    """Keeps `links`, `traits` and `persons.customer` up to the log, within the caller's transaction."""

    def __init__(self, conn: sqlite3.Connection, facts: Facts, words: Dictionaries) -> None:
        self._conn, self._facts, self._words = conn, facts, words
        self._customer: dict[int, int | None] = {}
        # How strongly each is linked, until a link says more of it: a person may have very many links.
        self._strength: dict[int, int | None] = {}

    def forget(self) -> None:
        self._customer.clear()
        self._strength.clear()

    def customer_of(self, person: int) -> int | None:
        """The customer whose id this is; None: nobody's yet."""
        if person not in self._customer:
            row = self._conn.execute("SELECT customer FROM persons WHERE id = ?", (person,)).fetchone()
            if len(self._customer) >= KNOWN_MAX:
                self._customer.clear()
            self._customer[person] = row[0] if row else None
        return self._customer[person]

    def note(self, fact: Fact) -> set[int]:
        """Take in what one call says of persons; returns those whose customer may have changed."""
        if fact.trust == Trust.CLAIMED or (fact.user is None and fact.email is None):
            return set()
        call_type, name = self._facts.name(fact.name_id)
        named = {fact.user if fact.user is not None else fact.email}
        if call_type == "identify":
            self._note_traits(fact)
        why = links_ids(call_type, name)
        dirty = {person for person in named if person is not None and self.customer_of(person) is None}
        if fact.staff:
            return dirty
        if fact.user is not None and fact.email is not None and why is not None:
            known = self._is_known(fact.email, fact.user, fact.trust)
            self._conn.execute(_ADD_LINK, (fact.email, fact.seq, fact.user, fact.trust, int(why)))
            if not known:
                dirty |= {fact.email, fact.user}
        if call_type == "alias" and fact.trust == Trust.SERVER and fact.user is not None and fact.previous:
            former = self._words.user(fact.previous, self._space(fact.user))
            self._conn.execute(_ADD_LINK, (former, fact.seq, fact.user, fact.trust, int(Why.ALIAS)))
            dirty |= {former, fact.user}
        return dirty

    def settle(self, dirty: Iterable[int]) -> dict[int, int | None]:
        """Resolve these persons and all that are linked with them; returns each changed person's former customer."""
        changed: dict[int, int | None] = {}
        done: set[int] = set()
        for person in sorted(dirty):
            if person in done:
                continue
            links, persons = self._closure(person)
            done |= persons
            for member in persons:
                self._strength.pop(member, None)
            resolved = customers(links, self._undos(persons))
            for member in persons:
                customer, _ = resolved.get(member, (member, 0))
                former = self.customer_of(member)
                if former != customer:
                    changed[member] = former
                    self._conn.execute("UPDATE persons SET customer = ? WHERE id = ?", (customer, member))
                    self._customer[member] = customer
        return changed

    def strengths(self, members: Iterable[int]) -> dict[int, int]:
        """How strongly each of a customer's ids is linked to it."""
        return {person: strength for person in members if (strength := self._strength_of(person)) is not None}

    def _strength_of(self, person: int) -> int | None:
        if person not in self._strength:
            links, persons = self._closure(person)
            resolved = customers(links, self._undos(persons))
            if len(self._strength) >= KNOWN_MAX:
                self._strength.clear()
            self._strength[person] = resolved[person][1] if person in resolved else None
        return self._strength[person]

    def surely_one_with(self, person: int, customer: int) -> frozenset[int]:
        """The ids that are the same customer's as `person` by more than a browser's word, itself included."""
        members = [member for (member,) in self._conn.execute(_MEMBERS, (customer,))]
        strengths = self.strengths(members)
        sure = {member for member in members if strengths.get(member, Trust.SERVER) > Trust.BROWSER} | {customer}
        return frozenset(sure if person in sure else {person})

    def retell_traits(self, persons: Iterable[int]) -> None:
        """Make these persons' traits anew from the calls that are left."""
        for person in persons:
            self._conn.execute("DELETE FROM traits WHERE person = ?", (person,))
            seqs = [seq for (seq,) in self._conn.execute(_IDENTIFYING, {"person": person, "why": int(Why.IDENTIFY)})]
            for fact in self._facts.of_seqs(msgspec.json.encode(seqs).decode()):
                if self._facts.name(fact.name_id)[0] == "identify" and fact.trust > Trust.CLAIMED:
                    self._note_traits(fact)

    def _closure(self, person: int) -> tuple[list[Link], set[int]]:
        links: dict[tuple[int, int], Link] = {}
        persons, todo = {person}, [person]
        while todo:
            for time, mid, trust, seq, why, one, user, strength in self._conn.execute(
                _TOUCHING, {"person": todo.pop()}
            ):
                key = (time, unpack_id(mid), int(trust == Trust.SERVER))
                links[(one, seq)] = Link(key, seq, Why(why), one, user, strength)
                todo += {one, user} - persons
                persons |= {one, user}
        return list(links.values()), persons

    def _undos(self, persons: set[int]) -> list[Undo]:
        rows = self._conn.execute("SELECT time, person, persons FROM link_undos").fetchall()
        return [Undo(time, one, frozenset(msgspec.json.decode(others))) for time, one, others in rows if one in persons]

    def _is_known(self, email: int, user: int, strength: int) -> bool:
        """Whether a link says nothing new: its ends have one customer already, by a link at least as strong."""
        if self.customer_of(email) is None or self.customer_of(email) != self.customer_of(user):
            return False
        return self._conn.execute(_LINKED, (email, user, strength)).fetchone() is not None

    def _note_traits(self, fact: Fact) -> None:
        person = fact.user if fact.user is not None else fact.email
        rows = [
            (person, name, _encoder.encode(value).decode(), fact.trust, fact.key[0], fact.seq)
            for name, value in exact_properties(fact.properties).items()
        ]
        self._conn.executemany(_PUT_TRAIT, rows)

    def _space(self, user: int) -> str:
        space: str = self._conn.execute("SELECT space FROM persons WHERE id = ?", (user,)).fetchone()[0]
        return space
