"""The demo shop's accounts: sign-up, log-in, log-out, and the account's own page."""

from __future__ import annotations

import secrets

from starlette.responses import Response
from starlette.routing import Route

from collector.demo import back_end
from collector.demo.books import hashed, is_password
from collector.demo.records import Account, Details
from collector.demo.visit import Visit, handled
from collector.enrich.email_address import normalise_email

FIELD_MAX = 100
AFTER = {"checkout": "checkout", "account": "account"}  # where a log-in may lead
UNKNOWN = hashed("nobody has this one")


def sign_up_form(visit: Visit) -> Response:
    return visit.page("signup.html", form={}, errors={}, then=_then(visit))


def sign_up(visit: Visit) -> Response:
    """A new account; the browser and the back end both say who it is."""
    form, errors = visit.form, {}
    email = normalise_email(form.get("email", ""))
    if email is None or len(email) > FIELD_MAX:
        errors["email"] = "Please give an e-mail address, such as jane@example.com."
    elif visit.shop.books.account_of(email):
        errors["email"] = "There is an account with this address already: log in instead."
    for field in ("first_name", "last_name"):
        if not 0 < len(form.get(field, "")) <= FIELD_MAX:
            errors[field] = f"Please give your {field.replace('_', ' ')}, in at most {FIELD_MAX} letters."
    if not 4 <= len(form.get("password", "")) <= FIELD_MAX:
        errors["password"] = "Please choose a password of 4 characters or more. Not one of your own: this is a demo."
    if errors or email is None:
        return visit.page("signup.html", status=422, form=form, errors=errors, then=_then(visit))
    account = Account(
        id=_new_id(visit),
        details=Details(email=email, first_name=form["first_name"], last_name=form["last_name"]),
        password=hashed(form["password"]),
        at=visit.now,
    )
    visit.shop.books.keep_account(account)
    visit.shop.tell([back_end.signed_up(account)])
    _enter(visit, account)
    visit.track("Signed Up", {"method": "password", "email": email})
    return visit.go(AFTER.get(_then(visit), ""), f"Welcome, {account.details.first_name}.")


def log_in_form(visit: Visit) -> Response:
    return visit.page("login.html", form={}, error="", then=_then(visit))


def log_in(visit: Visit) -> Response:
    """The right password makes the visitor known; a wrong one says no more than that."""
    account = visit.shop.books.account_of(normalise_email(visit.form.get("email", "")) or "")
    password = visit.form.get("password", "")[:FIELD_MAX]
    if not is_password(password, account.password if account else UNKNOWN) or account is None:
        error = "No account has this address and this password."
        return visit.page("login.html", status=422, form=visit.form, error=error, then=_then(visit))
    _enter(visit, account)
    visit.track("Signed In", {"method": "password"})
    return visit.go(AFTER.get(_then(visit), ""), f"Welcome back, {account.details.first_name}.")


def log_out(visit: Visit) -> Response:
    """The tag's `reset` tells of it and begins a new visitor; the cart stays in the shop's hands no longer."""
    if visit.account:
        visit.call("reset")
        visit.change(account="", details=None, orders=(), checkout_id="")
    return visit.go("", "You are logged out.")


def account(visit: Visit) -> Response:
    if visit.account is None:
        return visit.go("login?then=account")
    return visit.page("account.html", orders=visit.shop.books.orders_of(visit.account.id))


def _enter(visit: Visit, account: Account) -> None:
    details = account.details
    visit.change(account=account.id, details=details)
    traits = {"email": details.email, "first_name": details.first_name, "last_name": details.last_name}
    visit.call("identify", account.id, traits)


def _then(visit: Visit) -> str:
    asked = visit.form.get("then") or visit.request.query_params.get("then", "")
    return asked if asked in AFTER else ""


def _new_id(visit: Visit) -> str:
    while visit.shop.books.account(id := str(100_000 + secrets.randbelow(900_000))):
        continue
    return id


routes = [
    Route("/signup", handled(sign_up_form)),
    Route("/signup", handled(sign_up), methods=["POST"]),
    Route("/login", handled(log_in_form)),
    Route("/login", handled(log_in), methods=["POST"]),
    Route("/logout", handled(log_out), methods=["POST"]),
    Route("/account", handled(account)),
]
