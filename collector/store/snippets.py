"""The part of the port that keeps what a site has set for its snippet: all of it is public, it stands in `/f.js`.

What enters and leaves: the settings, by the site's name. Consent mode and keys are the site's own and not here.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class ErasureWording(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What whoever has withdrawn is offered in one language: to have erased what was collected, or to close the offer;
    and what is said of how that went."""

    text: str
    erase: str
    close: str
    erased: str
    failed: str


class Wording(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the consent prompt says in one language. `href` is where `link` leads: https, http or a path.

    `purposes` says what each purpose is for; with `choose`, the label of a third button, each can be chosen by itself.
    """

    text: str
    accept: str
    refuse: str
    title: str = ""
    link: str = ""
    href: str = ""
    choose: str = ""
    purposes: dict[str, str] = {}
    erasure: ErasureWording | None = None


class Prompt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A site's own prompt. A new `version` asks again. `purposes` are granted or refused together, unless the wording
    lets choose."""

    version: str
    texts: dict[str, Wording]
    purposes: tuple[str, ...] = ("Analytics",)


class SnippetSettings(Struct, frozen=True, kw_only=True):
    """`cookie_domain` '': cookies stay on the page's own host. `prompt` None: the standard wording."""

    site: str
    cookie_domain: str = ""
    prompt: Prompt | None = None


class Snippets(Protocol):
    """What sites have set; a site that has set nothing is not listed."""

    def snippets(self) -> list[SnippetSettings]: ...
    def put_snippet(self, settings: SnippetSettings) -> None: ...
