"""What the name of a column says about its role in a log."""

from __future__ import annotations

import re
from typing import Literal

Role = Literal["user", "item", "session", "time", "order", "event", "value"]

# Words by role, each with its weight. A higher weight wins where several columns have one.
WORDS: dict[Role, dict[str, float]] = {
    "user": {
        **dict.fromkeys(("user", "customer", "visitor", "shopper", "buyer", "reviewer", "uid", "msno"), 3.0),
        **dict.fromkeys(("client", "member", "player", "listener", "viewer", "reader", "subscriber", "username"), 2.5),
        **dict.fromkeys(("account", "person", "patron", "guest", "student", "learner", "employee", "household"), 2.0),
        **dict.fromkeys(("anonymous", "profile", "device", "cookie", "email", "distinct"), 1.0),
    },
    "item": {
        **dict.fromkeys(("item", "product", "sku", "asin", "movie", "film", "book", "isbn", "song", "video"), 3.0),
        **dict.fromkeys(("news", "recipe", "game", "anime", "beer", "joke", "poi", "business", "iid", "goods"), 3.0),
        **dict.fromkeys(("article", "listing", "track", "app", "restaurant", "hotel", "course", "venue"), 2.5),
        **dict.fromkeys(("stock", "content", "offer", "place", "location", "show", "aid", "upc", "ean", "gtin"), 2.0),
        **dict.fromkeys(("document", "doc", "question", "episode", "podcast", "exercise", "artist", "program"), 2.0),
        **dict.fromkeys(("ad", "post", "page", "url", "album", "material", "barcode", "job", "tweet"), 1.0),
    },
    "session": {
        **dict.fromkeys(("session", "sid"), 3.0),
        **dict.fromkeys(("visit", "basket", "cart", "trip", "journey"), 2.5),
        **dict.fromkeys(("order", "invoice", "transaction", "receipt", "booking", "purchase"), 2.0),
    },
    "time": {
        **dict.fromkeys(("timestamp", "time", "ts", "datetime"), 3.0),
        **dict.fromkeys(("date", "at", "dt", "when", "epoch", "moment"), 2.5),
        **dict.fromkeys(("day", "clock", "created", "occurred", "ordered", "purchased", "clicked", "viewed"), 1.5),
    },
    "order": {
        **dict.fromkeys(("timestamp", "time", "ts", "position", "pos", "rank", "order", "step"), 3.0),
        **dict.fromkeys(("sequence", "seq", "day", "date", "week", "index", "idx"), 2.0),
    },
    "event": {
        **dict.fromkeys(("action", "event", "behavior", "behaviour", "verb"), 3.0),
        **dict.fromkeys(("interaction", "activity", "type"), 2.0),
    },
    "value": {
        **dict.fromkeys(("rating", "stars", "score", "overall"), 4.0),
        **dict.fromkeys(("quantity", "qty", "value", "plays", "playcount"), 3.0),
        **dict.fromkeys(("amount", "revenue", "price", "duration", "dwell", "weight", "count"), 2.0),
    },
}
# Words that an id may have in its name. They do not say of what.
_IDS = {*("id", "ids", "key", "code", "no", "nr", "num", "number", "hash", "uuid", "guid", "unique", "external")}
_ID_ROLES = ("user", "item", "session")
# Times that are not those of an interaction.
_OTHER_TIMES = {
    *("birth", "birthday", "release", "released", "update", "updated", "modified", "expires", "expiry", "signup"),
    *("registered", "registration", "joined", "delivery", "delivered", "shipped", "due", "end", "ended", "edited"),
}
_NAMES = {"name", "title"}  # may stand in for an id
_GROUPS = {"category", "cat", "brand", "group", "segment", "class"}
# Words of columns that describe a user or an item.
_ATTRIBUTES = {
    *("name", "title", "description", "desc", "text", "comment", "review", "summary", "category", "cat", "genre"),
    *("genres", "brand", "class", "tag", "tags", "color", "colour", "size", "country", "city", "region", "state"),
    *(
        "agent",
        "group",
        "segment",
        "zip",
        "age",
        "gender",
        "sex",
        "occupation",
        "language",
        "lang",
        "currency",
        "status",
        "url",
        "image",
    ),
    *("price", "quantity", "amount", "year", "month", "hour", "weekday", "lat", "lon", "latitude", "longitude"),
}


def words(name: str) -> list[str]:
    """Return the words of a column's name, in lower case and without the type that RecBole appends.

    Args:
        name: the name.

    Example:
        >>> words("reviewerID"), words("user_id:token"), words("UnixReviewTime"), words("item.ids")
        (['reviewer', 'id'], ['user', 'id'], ['unix', 'review', 'time'], ['item', 'ids'])
    """
    plain = re.sub(r":(token|float)(_seq)?$", "", name)
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+", plain)
    return [word for part in parts for word in _split_id(part.lower())]


def score(name: str, role: Role) -> float:
    """Return how clearly a name says that a column has a role; 0 if it does not.

    Args:
        name: the name of the column.
        role: the role.

    Example:
        >>> score("product_id", "item"), score("product_category", "item"), score("birth_date", "time")
        (3.0, 0.0, 0.5)
    """
    found = [_singular(word, role) for word in words(name)]
    known = [word for word in found if word in WORDS[role]]
    others = {word for word in found if word not in WORDS[role] and word not in _IDS}
    if not known or not _may_mean(role, found, known, others):
        return 0.0
    weight = max(WORDS[role][word] for word in known)
    if role in _ID_ROLES:
        return weight - 0.5 * min(len(others), 3) - 1.0 * bool(_NAMES & others)
    if role in ("time", "order"):
        return weight - 2.0 * bool(_OTHER_TIMES & others)
    return weight + 0.5 * (len(known) > 1)


def _may_mean(role: Role, found: list[str], known: list[str], others: set[str]) -> bool:
    """Return whether the other words of a name leave its role."""
    if role in _ID_ROLES:  # a product_category_id is no product
        return not (_GROUPS & others) and (not ((_ATTRIBUTES - _NAMES) & others) or found[-1] in ("id", "key"))
    if role == "event":  # of a product, of a device
        return known != ["type"] or not others
    return role != "order" or "id" not in found


def is_attribute(name: str) -> bool:
    """Return whether a name says that a column describes something, and is no id.

    Args:
        name: the name of the column.
    """
    return bool(_ATTRIBUTES & {*words(name)})


def _split_id(word: str) -> list[str]:
    """Return `userid` as two words."""
    stem = word.removesuffix("id")
    known = any(stem in by_word for by_word in WORDS.values())
    return [stem, "id"] if stem != word and known else [word]


def _singular(word: str, role: Role) -> str:
    return word[:-1] if word.endswith("s") and word not in WORDS[role] and word[:-1] in WORDS[role] else word
