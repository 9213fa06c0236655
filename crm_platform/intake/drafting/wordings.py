"""How the values of a column are worded: by themselves, or by its twin, as 対応状況(名称) words 対応状況(ID)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from crm_platform.intake.drafting.samples import Sample
from crm_platform.intake.drafting.vocabulary import Words, row_kind, word_form

BRACKETED_ENDING = re.compile(r"[(\[](id|名称|名|コード|code|name)[)\]]$")
_PREFERRED = {"id": ("id", "コード", "code"), "名称": ("名称", "名", "name")}
_TWIN = 0.93


def twin_fit(sample: Sample, header: str, words: Words) -> float:
    """Of a pair such as 対応状況(ID) and 対応状況(名称) the one that is meant is left as it is."""
    form = word_form(header)
    ending = BRACKETED_ENDING.search(form)
    if not words.prefer or ending is None or ending[1] in _PREFERRED[words.prefer]:
        return 1.0
    return _TWIN if twin_of(sample.headers, header, _PREFERRED[words.prefer]) else 1.0


def twin_of(headers: Sequence[str], header: str, endings: Collection[str] = _PREFERRED["名称"]) -> str | None:
    """The header that names the same with another ending in brackets: 対応状況(名称) for 対応状況(ID)."""
    bare = BRACKETED_ENDING.sub("", word_form(header))
    wanted = {f"{bare}({ending})" for ending in endings} - {word_form(header)}
    return next((other for other in headers if word_form(other) in wanted), None)


def wordings_of(sample: Sample, header: str) -> Mapping[str, str]:
    """The wording of every value of a column: that of its twin (名称) where there is one and it is always the same."""
    said = sample.code_words.get(header, {})
    values = {value: said.get(value, value) for value in sample[header].values}
    twin = twin_of(sample.headers, header)
    if twin is None:
        return values
    codes, names = sample.rows.columns[header].texts.to_pylist(), sample.rows.columns[twin].texts.to_pylist()
    pairs = sorted(set(zip(codes, names, strict=True)))
    named = {code: [name for other, name in pairs if other == code and name] for code in values}
    return {code: found[0] if len(found) == 1 else values[code] for code, found in named.items()}


def row_kinds_of(sample: Sample, header: str) -> Mapping[str, str]:
    """What each value of a row-kind column stands for, by its own wording or that of its twin."""
    return {value: row_kind(wording) for value, wording in wordings_of(sample, header).items()}
