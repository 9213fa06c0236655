"""Words and numbers as the reader sees them: `{name:fmt}` filled from a finding's numbers, in Japanese or English."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from crm_platform.clients.client import LANGUAGES
from crm_platform.diagnosis.finding import ReportKind, Scalar
from crm_platform.periods import Month
from crm_platform.segments.value_groups import value_group

NOTHING: Final = "—"
TEN_CLASSES: Final = 10
TWELVE_MONTHS: Final = 12
_SENTENCE = re.compile(r".+?(?:。|[.!?](?=\s)\s*|$)", re.DOTALL)
_FOLDER = Path(__file__).parent
_FINDINGS = sorted(path.name.removesuffix(".ja.toml") for path in (_FOLDER / "findings").glob("*.ja.toml"))
STEMS: Final = (
    "report",
    "alert_report",
    "alert_findings",
    "portfolio_report",
    "preview_report",
    "letter_report",
    "two_track_report",
    "quote",
    "proposals",
    "client_index",
    *(f"findings/{chapter}" for chapter in _FINDINGS),
)


class MissingWordingError(LookupError):
    """A text that no wording file has, or a text that asks for a number which is not given."""


@dataclass(frozen=True)
class MoneyScale:
    """From this amount on, yen are written in this unit: `1.2億円`, `¥1.2M`."""

    from_jpy: float
    pattern: str
    unit: str


@dataclass(frozen=True)
class Wording:
    """The texts of one language by dotted key, and the formats of its numbers."""

    language: str
    texts: Mapping[str, str]
    money: Sequence[MoneyScale]
    value_classes: int = TEN_CLASSES
    year_months: int = TWELVE_MONTHS

    @classmethod
    def of(cls, language: str, value_classes: int = TEN_CLASSES) -> Wording:
        """The platform's own wording in `language` (`ja` or `en`); ValueError for another language."""
        if language not in LANGUAGES:
            raise ValueError(f"there is no wording in '{language}': choose one of {', '.join(LANGUAGES)}")
        return replace(_loaded(language), value_classes=value_classes)

    @classmethod
    def of_data(
        cls, language: str, *, first_month: str, month: str, as_of: str, value_classes: int = TEN_CLASSES
    ) -> Wording:
        """The wording of what tells of a client's data from `first_month` on, as known at `as_of` in `month`.

        Whatever shows findings speaks with it, so that all of them name the months that there are.
        """
        last = Month.parse(month)
        is_over = as_of >= last.last_day.isoformat()
        return cls.of(language, value_classes).of_history(last.minus(Month.parse(first_month)) + is_over)

    def of_report(self, kind: ReportKind | Literal["preview", "letter"]) -> Wording:
        """The wording of one report: its own texts, under `<kind>_report.`, in the place of those that all share."""
        prefix = f"{kind}_report."
        own = {key.removeprefix(prefix): text for key, text in self.texts.items() if key.startswith(prefix)}
        return replace(self, texts={**self.texts, **own})

    def of_history(self, closed_months: int) -> Wording:
        """This wording where so many months are known: `{year_months}` are the last twelve, or as many as there are.

        One where none is closed yet, since the figures are then those of the month under way.
        """
        return replace(self, year_months=max(1, min(closed_months, TWELVE_MONTHS)))

    def with_texts(self, texts: Mapping[str, Any]) -> Wording:
        """This wording with more texts, as nested or dotted keys."""
        return replace(self, texts={**self.texts, **_flat(texts)})

    def has(self, key: str) -> bool:
        """Whether there is a text under `key`."""
        return key in self.texts

    def text(self, key: str, /, **numbers: Scalar) -> str:
        """The text under `key`, its placeholders filled; MissingWordingError names what is not there."""
        return self.filled(key, numbers)

    def filled(self, key: str, numbers: Mapping[str, Scalar]) -> str:
        """The text under `key` with `{name:fmt}` replaced by `numbers[name]` as `fmt` writes it."""
        if key not in self.texts:
            raise MissingWordingError(f"the {self.language} wording has no text '{key}'")
        return self._filled(self.texts[key], key, numbers)

    def known_sentences(self, key: str, numbers: Mapping[str, Scalar]) -> str:
        """The text under `key` without the sentences that ask for a number which is None; whole where all do."""
        whole = self.filled(key, numbers)
        sentences = _SENTENCE.findall(self.texts[key])
        return "".join(self._filled(each, key, numbers) for each in sentences if _is_known(each, numbers)) or whole

    def knows(self, key: str, numbers: Mapping[str, Scalar]) -> bool:
        """Whether none of the numbers that the text under `key` asks for is None."""
        return _is_known(self.texts.get(key, ""), numbers)

    def tells(self, key: str, numbers: Mapping[str, Scalar]) -> bool:
        """Whether at least one sentence of the text under `key` has all its numbers."""
        return any(_is_known(each, numbers) for each in _SENTENCE.findall(self.texts.get(key, "")))

    def _filled(self, text: str, key: str, numbers: Mapping[str, Scalar]) -> str:
        pieces = []
        for literal, name, fmt, _ in string.Formatter().parse(text):
            pieces.append(literal)
            if name is not None:
                if name == "year_months":
                    pieces.append(self.formatted(self.year_months, fmt or "count"))
                    continue
                if name not in numbers:
                    raise MissingWordingError(f"the {self.language} text '{key}' asks for '{name}', which is not given")
                pieces.append(self.formatted(numbers[name], fmt or "text"))
        return "".join(pieces)

    def word(self, value: Scalar) -> str:
        """A value as text: `@key` is looked up, other text stays as it is, numbers are written plainly."""
        if isinstance(value, str):
            return self._looked_up(value[1:]) if value.startswith("@") else value
        return self.formatted(value, "count" if isinstance(value, int) else "real")

    def _looked_up(self, key: str) -> str:
        head, _, number = key.rpartition(".")
        if head == "value_class" and number.isdigit():
            return self.value_class(int(number))
        return self.text(key)

    def value_class(self, number: int) -> str:
        """Name of a value class, 1 the best: its number and its group (VIP客, VIP候補, 一般客, 休眠客; J9)."""
        group = value_group(number, max(self.value_classes, number))
        return self.text("value_class.name", number=str(number), group=f"@value_group.{group}")

    def formatted(self, value: Scalar, fmt: str) -> str:
        """`value` as `fmt` writes it (one of `_formats`, text or month); None is —.

        `points_size` and `change_size` leave out the sign, for sentences that say the direction. The words for a change
        that is no issue are `held_rate`, `held_amount` and, where less is better, `held_down`.
        """
        if value is None:
            return NOTHING
        if fmt == "text":
            return self.word(value)
        if fmt == "month":
            return self._month(str(value))
        if fmt not in self._formats:
            raise MissingWordingError(f"there is no number format '{fmt}'")
        return self._formats[fmt](_number(value, fmt))

    def signed(self, value: float, unit: str) -> str:
        """A change as a sentence shows it, with its sign; a change of a rate is in points."""
        if unit in ("rate", "points"):
            return self.formatted(value, "points")
        if unit == "yen_change":
            return self.formatted(value, unit)
        text = self.formatted(value, unit)
        return f"+{text}" if value > 0 and any(digit in text for digit in "123456789") else text

    def in_table(self, value: Scalar, unit: str) -> str:
        """`value` as a table shows it: money to the yen, everything else as in a sentence without its unit."""
        if unit == "jpy" and value is not None:
            return _signed(f"¥{abs(round(_number(value, unit))):,}", _number(value, unit))
        if unit == "days" and value is not None:
            return _minus(f"{_number(value, unit):,.0f}")
        return self.formatted(value, unit)

    @cached_property
    def _formats(self) -> Mapping[str, Callable[[float], str]]:
        return {
            "yen": self._yen,
            "yen_change": lambda value: self.signed(value, "yen"),
            "jpy": self._yen,
            "round_yen": self._round_yen,
            "count": lambda value: _minus(f"{round(value):,}"),
            "rate": lambda value: _minus(f"{value:.1%}"),
            "points": lambda value: self.text("format.points", number=_minus(f"{value * 100:+.1f}")),
            "points_in_table": lambda value: self.text("format.points_in_table", number=_minus(f"{value * 100:+.1f}")),
            "points_size": lambda value: self.text("format.points_size", number=f"{abs(value) * 100:.1f}"),
            "change_size": lambda value: f"{abs(value):.1%}",
            "change": lambda value: _minus(f"{value:+.1%}"),
            "held_rate": lambda value: self.text("format.no_lower_rate" if value < 0 else "format.held"),
            "held_amount": lambda value: self.text("format.no_less" if value < 0 else "format.held"),
            "held_down": lambda value: self.text("format.no_more" if value > 0 else "format.held_down"),
            "days": lambda value: self.text("format.days", number=_minus(f"{round(value):,}")),
            **{kind: self._counted(kind) for kind in ("customers", "items", "measures")},
            "index": lambda value: _minus(f"{value:.0f}" if abs(value) >= 20 else f"{value:.2f}"),
            "real": lambda value: _minus(f"{value:,.2f}"),
        }

    def _counted(self, kind: str) -> Callable[[float], str]:
        return lambda value: self.text(f"format.{kind}", number=_minus(f"{round(value):,}"))

    def money_scale(self, largest_jpy: float) -> MoneyScale:
        """The unit in which amounts up to `largest_jpy` read best."""
        return next((scale for scale in self.money if abs(largest_jpy) >= scale.from_jpy), self.money[-1])

    def _yen(self, value: float) -> str:
        scale = self.money_scale(value)
        if scale.from_jpy > 1:
            scale = self.money_scale(_rounded_to_three_digits(value))
        scaled = abs(value) / max(scale.from_jpy, 1)
        digits = f"{scaled:,.{self._decimals(scale, scaled)}f}"
        return _signed(scale.pattern.format(digits), value)

    def _round_yen(self, value: float) -> str:
        """A round amount as it is spoken: 50億円, not 50.0億円."""
        scale = self.money_scale(value)
        return scale.pattern.format(f"{value / scale.from_jpy:,g}")

    def _decimals(self, scale: MoneyScale, scaled: float) -> int:
        """Three digits, so that 1.36 and 1.45万円 differ; none after the point for yen and from 100 units on."""
        if scale.from_jpy <= 1 or scaled >= 99.95:
            return 0
        return 2 if scaled < 9.995 else 1

    def _month(self, text: str) -> str:
        year, number = text[:4], text[5:7]
        if not (year.isdigit() and number.isdigit()):
            raise ValueError(f"'{text}' is not a month: it should read 2025-06")
        return self.text("format.month", year=year, number=str(int(number)), name=self.text(f"month.{int(number)}"))


def _is_known(text: str, numbers: Mapping[str, Scalar]) -> bool:
    return all(numbers.get(name, "") is not None for _, name, _, _ in string.Formatter().parse(text) if name)


def _number(value: Scalar, fmt: str) -> float:
    if isinstance(value, str) or value is None:
        raise TypeError(f"'{value}' is text, but '{fmt}' writes a number")
    return value


def _rounded_to_three_digits(value: float) -> float:
    """99,999,999 is written in 億円, not as 10,000万円."""
    return float(f"{value:.3g}")


def _minus(text: str) -> str:
    """A true minus sign; no sign before zero."""
    if not any(digit in text for digit in "123456789"):
        return text.lstrip("+-")
    return text.replace("-", "−")


def _signed(text: str, value: float) -> str:
    return f"−{text}" if value < 0 else text


def _flat(texts: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested tables as dotted keys; `values` holds keys of its own and leaves no trace in them."""
    flat: dict[str, str] = {}
    for name, value in texts.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat |= _flat(value, "" if key == "values" else f"{key}.")
        else:
            flat[key] = str(value)
    return flat


@lru_cache(maxsize=len(LANGUAGES))
def _loaded(language: str) -> Wording:
    texts: dict[str, str] = {}
    money: list[MoneyScale] = []
    for stem in STEMS:
        document = tomllib.loads((_FOLDER / f"{stem}.{language}.toml").read_text("utf-8"))
        money += [MoneyScale(**scale) for scale in document.pop("money", [])]
        found = _flat(document)
        if twice := sorted(texts.keys() & found.keys()):
            raise ValueError(f"{stem}.{language}.toml says again what another file says: {', '.join(twice[:5])}")
        texts |= found
    return Wording(language, texts, tuple(money))
