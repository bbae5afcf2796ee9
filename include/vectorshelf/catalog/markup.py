"""Turn a value that carries HTML into plain text, and leave every other value alone.

Only names that HTML defines count as tags and only entities that end in a semicolon are decoded, so `TV <55 inch>`,
`R&D` and `?a=1&region=eu` survive. Everything here is linear in the length of the value, whatever it holds.

Regular expressions instead of `html.parser`, on purpose: the parser's treatment of broken markup changes between
patch releases of Python, and every change would alter texts, hence hashes, hence pay for embeddings again.
"""

import html
import re

_INLINE = (
    "a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|ins|kbd|label|mark|nobr|q|s|samp|small|span|"
    "strike|strong|sub|sup|time|tt|u|var|wbr"
)
_BLOCK = (
    "address|area|article|aside|audio|base|blockquote|body|br|button|canvas|caption|center|col|colgroup|dd|"
    "details|dialog|div|dl|dt|embed|fieldset|figcaption|figure|footer|form|frame|frameset|h1|h2|h3|h4|h5|h6|head|"
    "header|hgroup|hr|html|iframe|img|input|legend|li|link|main|map|menu|meta|meter|nav|noscript|object|ol|"
    "optgroup|option|output|p|param|picture|pre|progress|section|select|source|style|script|summary|svg|table|"
    "tbody|td|template|textarea|tfoot|th|thead|title|tr|track|ul|video"
)

# Possessive `*+`: an attribute list that never closes is given up at once instead of being tried again and again.
_ATTRIBUTES = r"""(?:[\s/](?:"[^"<]*"|'[^'<]*'|[^<>"'])*+)?"""
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE}){_ATTRIBUTES}>", re.IGNORECASE)
_BLOCK_TAG = re.compile(
    rf"</?(?:{_BLOCK}){_ATTRIBUTES}>|<!doctype[^<>]*>|<\?xml[^<>]*>|<!\[CDATA\[|\]\]>", re.IGNORECASE
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_UNSEEN = [  # content nobody reads: (where it begins, where it ends)
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(rf"<script{_ATTRIBUTES}>", re.IGNORECASE), re.compile(r"</script\s*>", re.IGNORECASE)),
    (re.compile(rf"<style{_ATTRIBUTES}>", re.IGNORECASE), re.compile(r"</style\s*>", re.IGNORECASE)),
]


def plain(value: str) -> str:
    """The text a browser would show: tags and their unseen content gone, entities decoded.

    Feeds often escape their HTML (`&lt;b&gt;`), so tags that appear by decoding are dropped as well.
    """
    value = _without_tags(value)
    if "&" not in value:
        return value
    decoded = _ENTITY.sub(lambda entity: html.unescape(entity.group()), value)
    return decoded if decoded == value else _without_tags(decoded)


def _without_tags(value: str) -> str:
    if "<" not in value:
        return value
    for opening, closing in _UNSEEN:
        value = _without_spans(value, opening, closing)
    return _BLOCK_TAG.sub(" ", _INLINE_TAG.sub("", value))


def _without_spans(value: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """Cut from each opening to its closing; an opening that never closes is left where it is."""
    kept, at = [], 0
    while (start := opening.search(value, at)) and (end := closing.search(value, start.end())):
        kept.append(value[at : start.start()])
        at = end.end()
    return " ".join([*kept, value[at:]])
