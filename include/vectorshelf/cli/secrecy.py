"""The last line of defence: no message leaves the command with a secret of the environment in it.

The rooms keep secrets out of their messages; this is for errors that nobody foresaw, in the words of some library.
"""

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from pydantic import SecretStr

_PASSWORD_IN_URL = re.compile(r"(?<=:)(?!password@)[^:@/\s]+(?=@)")  # messages show the form user:password@host
_PASSWORD_IN_WORDS = re.compile(r"password=('(?:[^'\\]|\\.)*'|\S+)")
_SHORTEST = 4
"""Shorter secrets are not looked for by themselves: their letters are part of ordinary words."""


def without_secrets(text: str) -> str:
    """The text with the environment's secrets, and whatever looks like a password in a URL, replaced by stars."""
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, "***")
    return _PASSWORD_IN_WORDS.sub("password=***", _PASSWORD_IN_URL.sub("***", text))


def _secrets() -> set[str]:
    from vectorshelf.settings import Settings

    settings = Settings.from_environment()
    urls = [settings.database_url, *settings.connections.values()]
    found = {_value(settings.openai_api_key)}
    for url in map(_value, urls):
        found |= {password for match in _PASSWORD_IN_URL.findall(url) for password in (match, unquote(match))}
    return {secret for secret in found if len(secret) >= _SHORTEST}


def _value(secret: "SecretStr | None") -> str:
    return secret.get_secret_value() if secret else ""
