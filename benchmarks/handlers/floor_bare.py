"""The first floor: what the runtime itself takes."""


def handler(_event: object, _context: object) -> dict[str, object]:
    """Answer at once."""
    return {}
