"""Slack's Block Kit rules for a message (card notifications.md, "Slack incoming
webhook").

A block or element of a kind that is not checked here is refused: a strict simulator does not wave through
what it cannot judge. Known kinds: section, header, divider, image, context, actions; button and image
elements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from local.simulators.base import JSON

MAX_BLOCKS = 50
MAX_SECTION_TEXT = 3000
MAX_FIELDS = 10
MAX_FIELD_TEXT = 2000
MAX_HEADER_TEXT = 150
MAX_CONTEXT_ELEMENTS = 10
MAX_ACTIONS = 25
MAX_BUTTON_TEXT = 75
MAX_BUTTON_VALUE = 2000
MAX_URL = 3000
MAX_ALT_TEXT = 2000
MAX_IMAGE_TITLE = 2000
MAX_ID = 255
MAX_ALL_BLOCKS = 13_200  # not documented by Slack; reported for the Web API as msg_blocks_too_long


class BlockError(ValueError):
    """A rule of Block Kit is broken; the text names the place and the rule (Slack itself says only
    `invalid_blocks`).
    """


def check_blocks(blocks: list[Any]) -> None:
    """Raise `BlockError` if Slack would refuse these blocks."""
    if len(blocks) > MAX_BLOCKS:
        raise BlockError(f"{len(blocks)} blocks, at most {MAX_BLOCKS}")
    seen: dict[str, set[str]] = {"block_id": set(), "action_id": set()}
    for number, block in enumerate(blocks):
        where = f"/blocks/{number}"
        kind = _object(block, where).get("type")
        check = _BLOCKS.get(kind) if isinstance(kind, str) else None
        if check is None:
            raise BlockError(f"{where}: unknown type {kind!r}")
        check(block, where)
        _check_ids(block, where, seen)
    total = sum(len(text) for text in _all_text(blocks))
    if total > MAX_ALL_BLOCKS:
        raise BlockError(f"{total} characters in all blocks, at most {MAX_ALL_BLOCKS}")


def _check_ids(value: Any, where: str, seen: dict[str, set[str]]) -> None:
    if isinstance(value, list):
        for item in value:
            _check_ids(item, where, seen)
    if not isinstance(value, dict):
        return
    for key, known in seen.items():
        if key in value:
            name = _string(value[key], f"{where}/{key}", MAX_ID)
            if name in known:
                raise BlockError(f"{where}: {key} {name!r} is not unique")
            known.add(name)
    for item in value.values():
        _check_ids(item, where, seen)


def _all_text(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _all_text(item)
    elif isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for item in value.values():
            yield from _all_text(item)


# -- blocks


def _section(block: JSON, where: str) -> None:
    _keys(block, where, {"text", "fields", "accessory", "expand"})
    if "text" not in block and "fields" not in block:
        raise BlockError(f"{where}: neither text nor fields")
    if "text" in block:
        _text(block["text"], f"{where}/text", MAX_SECTION_TEXT)
    if "fields" in block:
        for number, item in enumerate(_list(block["fields"], f"{where}/fields", MAX_FIELDS)):
            _text(item, f"{where}/fields/{number}", MAX_FIELD_TEXT)
    if "accessory" in block:
        _element(block["accessory"], f"{where}/accessory", {"button": _button, "image": _image_element})
    if not isinstance(block.get("expand", False), bool):
        raise BlockError(f"{where}/expand: not a boolean")


def _header(block: JSON, where: str) -> None:
    _keys(block, where, {"text"})
    _text(block.get("text"), f"{where}/text", MAX_HEADER_TEXT, plain=True)


def _divider(block: JSON, where: str) -> None:
    _keys(block, where, set())


def _image(block: JSON, where: str) -> None:
    _keys(block, where, {"image_url", "alt_text", "title"})
    _image_source(block, where)
    if "title" in block:
        _text(block["title"], f"{where}/title", MAX_IMAGE_TITLE, plain=True)


def _context(block: JSON, where: str) -> None:
    _keys(block, where, {"elements"})
    elements = _list(block.get("elements"), f"{where}/elements", MAX_CONTEXT_ELEMENTS)
    for number, item in enumerate(elements):
        place = f"{where}/elements/{number}"
        if isinstance(item, dict) and item.get("type") in ("mrkdwn", "plain_text"):
            _text(item, place, MAX_SECTION_TEXT)
        else:
            _element(item, place, {"image": _image_element})


def _actions(block: JSON, where: str) -> None:
    _keys(block, where, {"elements"})
    for number, item in enumerate(_list(block.get("elements"), f"{where}/elements", MAX_ACTIONS)):
        _element(item, f"{where}/elements/{number}", {"button": _button})


_Check = Callable[[JSON, str], None]
_BLOCKS: dict[str, _Check] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "image": _image,
    "context": _context,
    "actions": _actions,
}


# -- elements


def _element(value: Any, where: str, allowed: dict[str, _Check]) -> None:
    kind = _object(value, where).get("type")
    if kind not in allowed:
        raise BlockError(f"{where}: element type {kind!r} is not allowed here")
    allowed[kind](value, where)


def _button(element: JSON, where: str) -> None:
    _keys(element, where, {"text", "action_id", "url", "value", "style", "accessibility_label"})
    _text(element.get("text"), f"{where}/text", MAX_BUTTON_TEXT, plain=True)
    if "url" in element:
        _url(element["url"], f"{where}/url")
    if "value" in element:
        _string(element["value"], f"{where}/value", MAX_BUTTON_VALUE)
    if "accessibility_label" in element:
        _string(element["accessibility_label"], f"{where}/accessibility_label", MAX_BUTTON_TEXT)
    if element.get("style", "primary") not in ("primary", "danger"):
        raise BlockError(f"{where}/style: neither primary nor danger")


def _image_element(element: JSON, where: str) -> None:
    _keys(element, where, {"image_url", "alt_text"})
    _image_source(element, where)


def _image_source(image: JSON, where: str) -> None:
    _url(image.get("image_url"), f"{where}/image_url")
    _string(image.get("alt_text"), f"{where}/alt_text", MAX_ALT_TEXT)


# -- values


def _text(value: Any, where: str, limit: int, *, plain: bool = False) -> None:
    kind = _object(value, where).get("type")
    if kind not in (("plain_text",) if plain else ("plain_text", "mrkdwn")):
        raise BlockError(f"{where}: text type {kind!r} is not allowed here")
    option = "emoji" if kind == "plain_text" else "verbatim"
    _keys(value, where, {"text", option}, block=False)
    if not isinstance(value.get(option, False), bool):
        raise BlockError(f"{where}/{option}: not a boolean")
    _string(value.get("text"), f"{where}/text", limit)


def _string(value: Any, where: str, limit: int) -> str:
    if not isinstance(value, str):
        raise BlockError(f"{where}: missing or not a string")
    if not 1 <= len(value) <= limit:
        raise BlockError(f"{where}: {len(value)} characters, must be 1 to {limit}")
    return value


def _url(value: Any, where: str) -> None:
    parts = urlsplit(_string(value, where, MAX_URL))
    if parts.scheme not in ("http", "https") or not parts.netloc or re.search(r"[\s<>\x00-\x1f]", value):
        raise BlockError(f"{where}: not a URL")


def _object(value: Any, where: str) -> JSON:
    if not isinstance(value, dict):
        raise BlockError(f"{where}: missing or not an object")
    return value


def _list(value: Any, where: str, limit: int) -> list[Any]:
    if not isinstance(value, list):
        raise BlockError(f"{where}: missing or not a list")
    if not 1 <= len(value) <= limit:
        raise BlockError(f"{where}: {len(value)} items, must be 1 to {limit}")
    return value


def _keys(value: JSON, where: str, allowed: set[str], *, block: bool = True) -> None:
    more = set(value) - allowed - {"type"} - ({"block_id"} if block and where.count("/") == 2 else set())
    if more:
        raise BlockError(f"{where}: unknown keys {', '.join(sorted(more))}")
