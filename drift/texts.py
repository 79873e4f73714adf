"""Text files as people save them: with or without a mark of their encoding, with the line ends of
any system."""

from __future__ import annotations

import codecs
import re

MARKS = {  # the first bytes of a file; of UTF-32 first, since they begin like those of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
# All control characters but tab and newline, marks that turn the direction of writing, and halves
# of characters.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def decoded(content: bytes) -> str:
    """Return the text of a file without byte order mark, its lines ended by a newline alone.

    Parameters
    ----------
    content : bytes
        UTF-8, or what a byte order mark says: UTF-16 or UTF-32 of either byte order.

    Returns
    -------
    str
        Line ends of Windows and old Macintoshes, which belong to the file and not to its text, have
        become newlines.

    Raises
    ------
    UnicodeDecodeError
        If the bytes are no text in that encoding.
    """
    return content.decode(encoding(content)).replace("\r\n", "\n").replace("\r", "\n")


def encoding(content: bytes) -> str:
    """Return how the text of a file is encoded: as its byte order mark says, without one UTF-8.

    Parameters
    ----------
    content : bytes
        Of the file, or its first four.
    """
    return next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")


def printable(text: str) -> str:
    """Return a text that a terminal shows and does not obey.

    Parameters
    ----------
    text : str
        Such as a label of a file.

    Returns
    -------
    str
        Control characters other than tab and newline stand as Python writes them, such as
        ``\\x1b``.
    """
    return UNPRINTABLE.sub(lambda found: ascii(found.group())[1:-1], text)
