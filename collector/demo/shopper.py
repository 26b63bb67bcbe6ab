"""One shopper's quarter: who it is, when they come, what they do each time, and what the shop then does with it.

What enters: the town (chance, the quarter, what all shoppers share). What leaves: requests, accounts and orders, put
into the town. The plans are in `shoppers`; here is how a plan turns out.
"""

from __future__ import annotations

from datetime import UTC, datetime
from heapq import heappop, heappush
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from collector.demo import back_end, facts, people
from collector.demo.aftermath import after_order, mailing
from collector.demo.back_end import Message
from collector.demo.basket import Basket
from collector.demo.errand import Wish, fill, go_to_pay, look_about, see_cart
from collector.demo.landings import AGAIN, FIRST, Landing, landing, mail_landing
from collector.demo.people import Browser, pick
from collector.demo.records import Account, Details, Sold
from collector.demo.rhythm import Issue, Quarter
from collector.demo.walk import Sent, Walk

ORDER_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
FIRST_ACCOUNT = 10_001
BACK_END_AFTER_MS = 900
_PRAISE = ("", "", "", "Quick and easy.", "Très bien, merci!", "Lovely pictures.", "Schönes Geschäft, gern wieder.")
_BLAME = (
    "",
    "The card was declined twice.",
    "My code did not work.",
    "Livraison trop chère.",
    "I could not find rugs.",
)


class Plan(Struct, frozen=True):
    """A visit to come: when, on which of the shopper's browsers, with which purpose.

    Purposes: look, buy, subscribe, enrol (open an account), mail (a newsletter's link was clicked).
    """

    at: int
    browser: int
    purpose: str
    issue: Issue | None = None


class Town:
    """What all shoppers share: chance, the quarter, numbers, and all that has come of it."""

    def __init__(self, chance: Random, quarter: Quarter, url: str) -> None:
        self.chance = chance
        self.quarter = quarter
        self.url = url
        self.issues = quarter.issues()
        self.sent: list[Sent] = []
        self.accounts: list[Account] = []
        self.orders: list[Sold] = []
        self._persons = 0
        self._order_ids: set[str] = set()

    def person(self, region: people.Region) -> Details:
        self._persons += 1
        return people.person(self.chance, region, self._persons)

    def enrol(self, details: Details, at: int) -> Account:
        """A new account. The shop gives it a password."""
        account = Account(id=str(FIRST_ACCOUNT + len(self.accounts)), details=details, password="", at=at)
        self.accounts.append(account)
        self.tell(at, back_end.signed_up(account))
        return account

    def sell(self, basket: Basket, details: Details, account: str, at: int) -> Sold:
        order = Sold(id=self._order_id(at), basket=basket, details=details, account=account, at=at)
        self.orders.append(order)
        return order

    def tell(self, at: int, *messages: Message) -> None:
        """What the back end says of that moment."""
        self.sent.append(Sent(received=at + BACK_END_AFTER_MS, server=True, messages=list(messages)))

    def _order_id(self, at: int) -> str:
        day = datetime.fromtimestamp(at / 1_000, UTC)
        while True:
            id = f"HH-{day:%y%m%d}-{''.join(self.chance.choices(ORDER_LETTERS, k=4))}"
            if id not in self._order_ids:
                self._order_ids.add(id)
                return id


class Shopper:
    """Somebody with one browser or several. What is known of them grows as they shop."""

    def __init__(self, town: Town, browsers: list[Browser], details: Details | None = None) -> None:
        self.town = town
        self.browsers = browsers
        self.details = details
        self.account: Account | None = None
        self._chance = town.chance
        self._basket = Basket(currency=browsers[0].region.currency)
        self._cart_id = f"cart-{town.chance.getrandbits(48):012x}"
        self._seen: set[str] = set()
        self._logged_in: set[str] = set()
        self._subscribed = False
        self._agenda: list[tuple[int, int, Plan]] = []

    def live(self, plans: list[Plan]) -> None:
        """Do all that is planned, and what comes of it, until the quarter ends."""
        for plan in plans:
            self._plan(plan)
        while self._agenda:
            _, _, plan = heappop(self._agenda)
            if plan.at < self.town.quarter.now:
                self._do(plan)

    def _plan(self, plan: Plan) -> None:
        heappush(self._agenda, (plan.at, len(self._agenda), plan))

    def _do(self, plan: Plan) -> None:
        if plan.purpose == "issue":
            self._read_mail(plan)
        else:
            self._visit(plan)

    def _visit(self, plan: Plan) -> None:
        chance, buys = self._chance, plan.purpose == "buy"
        browser = self.browsers[plan.browser]
        came = self._landing(plan, browser)
        walk = Walk(chance, browser, came, plan.at, self.town.url, is_new=browser.id not in self._seen)
        self._seen.add(browser.id)
        basket = look_about(walk, came, self._basket, self._cart_id, self._wish(plan))
        if plan.purpose == "subscribe":
            self._subscribe(walk)
        if self.account is None and plan.purpose == "enrol":
            self._sign_up(walk)
        elif self.account and browser.id not in self._logged_in and (buys or chance.random() < 0.4):
            self._sign_in(walk, self.account)
        if buys and not basket.lines:
            basket = fill(walk, basket, self._cart_id)
        self._basket = basket
        if basket.lines and (buys or chance.random() < 0.6):
            self._go_to_the_till(walk, buys)
        if browser.id in self._logged_in and chance.random() < 0.1:
            self._sign_out(walk, plan.browser)
        self.town.sent += walk.sent()

    def _landing(self, plan: Plan, browser: Browser) -> Landing:
        if plan.issue:
            return mail_landing(plan.issue.day)
        channel = pick(self._chance, AGAIN if browser.id in self._seen else FIRST)
        return landing(self._chance, channel, datetime.fromtimestamp(plan.at / 1_000, UTC).date())

    def _wish(self, plan: Plan) -> Wish:
        chance = self._chance
        if plan.purpose in ("look", "mail"):
            pages = 1 if chance.random() < 0.5 else 2 + int(chance.expovariate(0.45))
            return Wish(min(pages, 40), 0.06)
        return Wish(2 + int(chance.expovariate(0.35)), 0.25 if plan.purpose == "buy" else 0.08)

    def _go_to_the_till(self, walk: Walk, buys: bool) -> None:
        basket = self._basket = see_cart(walk, self._basket, self._cart_id)
        if not basket.lines or not (buys or self._chance.random() < 0.3):
            return
        checkout_id = f"checkout-{self._chance.getrandbits(48):012x}"
        if go_to_pay(walk, basket, self._cart_id, checkout_id, 0.97 if buys else 0.4):
            self._buy(walk, checkout_id)

    def _buy(self, walk: Walk, checkout_id: str) -> None:
        chance, browser = self._chance, walk.browser
        if self.details is None:
            self.details = self.town.person(browser.region)
        is_logged_in = self.account is not None and browser.id in self._logged_in
        account = self.account.id if self.account and is_logged_in else ""
        order = self.town.sell(self._basket, self.details, account, walk.at)
        self.town.tell(walk.at, *back_end.ordered(order))
        walk.page(f"thanks/{order.id}", "Thank you")
        walk.track("Order Completed", facts.order(order.id, order.basket) | {"checkout_id": checkout_id})
        walk.track("Feedback Requested", facts.feedback(order.id))
        walk.look(5, 60)
        if chance.random() < 0.3:
            is_glad = chance.random() < 0.82
            words = chance.choice(_PRAISE if is_glad else _BLAME)
            walk.track("Feedback Given", facts.feedback(order.id, "up" if is_glad else "down", words))
        self.town.orders[-1] = after_order(self.town.quarter, chance, order, self.town.tell)
        self._basket = Basket(currency=self._basket.currency)
        self._cart_id = f"cart-{chance.getrandbits(48):012x}"

    def _subscribe(self, walk: Walk) -> None:
        if self.details is None:
            self.details = self.town.person(walk.browser.region)
        walk.identify("", {"email": self.details.email, "newsletter": True})
        self._hear_news(walk.at)

    def _hear_news(self, since: int) -> None:
        if not self._subscribed:
            self._subscribed = True
            for issue in self.town.issues:
                if issue.at > since:
                    self._plan(Plan(issue.at, 0, "issue", issue))

    def _read_mail(self, plan: Plan) -> None:
        if not self._subscribed or self.details is None or plan.issue is None:
            return
        read = mailing(self._chance, plan.issue, self.details.email)
        for at, message in read.messages:
            self.town.tell(at, message)
        self._subscribed = not read.is_last
        if read.clicked:
            purpose = "buy" if self._chance.random() < 0.12 else "mail"
            self._plan(Plan(read.clicked, self._chance.randrange(len(self.browsers)), purpose, plan.issue))

    def _sign_up(self, walk: Walk) -> None:
        if self.details is None:
            self.details = self.town.person(walk.browser.region)
        walk.page("signup", "Sign up")
        walk.look(20, 90)
        self.account = self.town.enrol(self.details, walk.at)
        self._enter(walk, self.account)
        walk.track("Signed Up", {"method": "password", "email": self.details.email})
        if self._chance.random() < 0.5:
            self._hear_news(walk.at)

    def _sign_in(self, walk: Walk, account: Account) -> None:
        walk.page("login", "Log in")
        walk.look(8, 40)
        self._enter(walk, account)
        walk.track("Signed In", {"method": "password"})

    def _enter(self, walk: Walk, account: Account) -> None:
        details = account.details
        walk.page("", "Things for house and garden")
        traits = {"email": details.email, "first_name": details.first_name, "last_name": details.last_name}
        walk.identify(account.id, traits)
        self._logged_in.add(walk.browser.id)

    def _sign_out(self, walk: Walk, browser: int) -> None:
        """The tag then begins a new visitor on the same device."""
        walk.look(2, 10)
        walk.track("Signed Out", {})
        self._logged_in.discard(walk.browser.id)
        self.browsers[browser] = replace(walk.browser, id=people.uuid7(self._chance, walk.at))
