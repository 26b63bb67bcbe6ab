"""What staff set for a site's snippet, checked: the domain of its cookies and the wording of its consent prompt.

What enters: what somebody typed, or a file's bytes. What leaves: values to be kept. It knows no store.
"""

from __future__ import annotations

import re

import msgspec

from collector.errors import Misuse
from collector.store.snippets import Prompt, Wording

PROMPT_BYTES_MAX = 32_768
LANGUAGES_MAX = 40
PURPOSES_MAX = 20
VERSION_MAX = 40
LABEL_MAX = 80
TEXT_MAX = 1_000

_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_HREF = re.compile(r"(https?://|/)\S*")


def checked_domain(text: str) -> str:
    """The domain of the visitor's cookie, such as shop.example; '' for the page's own host. Raises Misuse."""
    domain = text.strip().lower().removeprefix(".")
    if domain and not _DOMAIN.fullmatch(domain):
        raise Misuse(f"{text!r} is not a domain; give it as shop.example")
    return domain


def checked_prompt(file: bytes) -> Prompt | None:
    """A prompt as a JSON file says it; an empty object takes the site's own away. Raises Misuse."""
    if len(file) > PROMPT_BYTES_MAX:
        raise Misuse(f"a prompt has at most {PROMPT_BYTES_MAX} bytes")
    if file.strip() == b"{}":
        return None
    try:
        prompt = msgspec.json.decode(file, type=Prompt)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Misuse(f"the prompt cannot be read: {error}") from error
    _check(0 < len(prompt.version) <= VERSION_MAX, f"a version has 1 to {VERSION_MAX} characters")
    _check(0 < len(prompt.texts) <= LANGUAGES_MAX, f"a prompt has texts in 1 to {LANGUAGES_MAX} languages")
    _check(0 < len(prompt.purposes) <= PURPOSES_MAX, f"a prompt asks for 1 to {PURPOSES_MAX} purposes")
    _check(all(0 < len(purpose) <= LABEL_MAX for purpose in prompt.purposes), "a purpose has a short name")
    for language, wording in prompt.texts.items():
        _check(bool(_LANGUAGE.fullmatch(language)), f"{language!r} is not a language; give it as en or pt-BR")
        _check_wording(language, wording)
        _check(set(wording.purposes) <= set(prompt.purposes), f"{language}: purposes has one that is not asked for")
    return prompt


def _check_wording(language: str, wording: Wording) -> None:
    labels = (wording.accept, wording.refuse)
    _check(0 < len(wording.text.strip()) <= TEXT_MAX, f"{language}: the text has 1 to {TEXT_MAX} characters")
    _check(all(0 < len(label.strip()) <= LABEL_MAX for label in labels), f"{language}: accept and refuse are short")
    others = (wording.title, wording.link, wording.choose)
    _check(max(map(len, others)) <= LABEL_MAX, f"{language}: title, link and choose are short")
    _check(
        all(len(text) <= TEXT_MAX for text in wording.purposes.values()), f"{language}: a purpose's text is too long"
    )
    if (offer := wording.erasure) is not None:
        told = (offer.erase, offer.close, offer.erased, offer.failed)
        _check(0 < len(offer.text.strip()) <= TEXT_MAX, f"{language}: erasure.text has 1 to {TEXT_MAX} characters")
        _check(all(0 < len(text.strip()) <= LABEL_MAX for text in told), f"{language}: the erasure's labels are short")
    _check(not wording.href or bool(_HREF.fullmatch(wording.href)), f"{language}: href is a web address or a path")


def _check(holds: bool, else_: str) -> None:
    if not holds:
        raise Misuse(else_)
