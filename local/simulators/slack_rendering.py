"""How a Slack message reads: its text apart from whom it calls and where it links (card notifications.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from local.simulators.base import JSON

_SEQUENCE = re.compile(r"<([^<>]*)>")
_MENTIONS = ("@", "#", "!")


def render_mrkdwn(text: str) -> JSON:
    """`{"text", "mentions", "links"}` of a mrkdwn string: what is read, who is called, and where it leads.

    A mention stands in `text` as `[@...]`, a link as its label; `&lt;`, `&gt;` and `&amp;` are read as the
    signs they mean.
    """
    mentions: list[str] = []
    links: list[JSON] = []

    def shown(match: re.Match[str]) -> str:
        target, _, label = match[1].partition("|")
        if target.startswith("!date^"):
            return label or target
        if target.startswith(_MENTIONS):
            mentions.append(target)
            return f"[{target}]"
        if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", target):
            links.append({"url": target, "label": _plain(label) if label else target})
            return label or target
        return match[0]

    shown_text = _SEQUENCE.sub(shown, text)
    return {"text": _plain(shown_text), "mentions": mentions, "links": links}


def _plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def render_message(payload: JSON) -> JSON:
    """How a message reads: `text` (of the blocks, or of `text` without blocks), `fallback`, `mentions`,
    `links`, `images`.
    """
    top = payload.get("text") if isinstance(payload.get("text"), str) else ""
    fallback = render_mrkdwn(top or "")
    parts = [
        *_rendered(payload.get("blocks") or []),
        *_rendered_attachments(payload.get("attachments") or []),
    ]
    if not payload.get("blocks"):
        parts = [fallback, *parts]
    both = parts if parts and parts[0] is fallback else [fallback, *parts]
    return {
        "text": "\n".join(part["text"] for part in parts if part["text"]),
        "fallback": fallback["text"],
        "mentions": [mention for part in both for mention in part["mentions"]],
        "links": [link for part in both for link in part["links"]],
        "images": [image for part in both for image in part.get("images", [])],
    }


def _rendered(value: Any) -> Iterator[JSON]:
    if isinstance(value, list):
        for item in value:
            yield from _rendered(item)
        return
    if not isinstance(value, dict):
        return
    kind = value.get("type")
    if kind == "mrkdwn":
        yield render_mrkdwn(value["text"])
    elif kind == "plain_text":
        yield {"text": value["text"], "mentions": [], "links": []}
    elif kind == "button":
        link = [{"url": value["url"], "label": value["text"]["text"]}] if "url" in value else []
        yield {"text": value["text"]["text"], "mentions": [], "links": link}
    elif kind == "image":
        yield {"text": "", "mentions": [], "links": [], "images": [_picked(value, "image_url", "alt_text")]}
    else:
        for key in ("text", "fields", "accessory", "elements"):
            yield from _rendered(value.get(key))


def _rendered_attachments(attachments: list[Any]) -> Iterator[JSON]:
    for attachment in attachments:
        for key in ("pretext", "text", "fallback"):
            if isinstance(attachment, dict) and isinstance(attachment.get(key), str):
                yield render_mrkdwn(attachment[key])
                break
        if isinstance(attachment, dict):
            yield from _rendered(attachment.get("blocks"))


def _picked(value: JSON, *keys: str) -> JSON:
    return {key: value[key] for key in keys}
