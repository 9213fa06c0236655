from functools import lru_cache
from pathlib import Path

import pytest
import uharfbuzz as hb

from crm_platform.refusals import Refused
from crm_platform.reports import Wording
from crm_platform.reports.exhibits import chart_fonts as fonts
from crm_platform.reports.exhibits.chart_fonts import chart_fonts
from crm_platform.reports.glyphs import BOLD_FONT, REGULAR_FONT


@lru_cache(maxsize=4)
def _font(file: Path) -> hb.Font:
    return hb.Font(hb.Face(hb.Blob.from_file_path(str(file))))


def _width(file: Path, text: str) -> int:
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    hb.shape(_font(file), buffer)
    return sum(position.x_advance for position in buffer.glyph_positions)


@pytest.mark.parametrize("file", [REGULAR_FONT, BOLD_FONT], ids=["regular", "bold"])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_label_is_measured_nearly_as_wide_as_the_page_sets_it(file: Path, language: str):
    texts = sorted({text for text in Wording.of(language).texts.values() if 3 <= len(text) <= 40})
    assert len(texts) > 500
    for text in texts:
        whole, cut = _width(file, text), _width(chart_fonts() / file.name, text)
        assert 0.97 * whole <= cut <= 1.08 * whole, text


def test_the_charts_fonts_show_every_letter_that_the_pages_show():
    assert set(_font(chart_fonts() / REGULAR_FONT.name).face.unicodes) == set(_font(REGULAR_FONT).face.unicodes)


def test_all_processes_share_one_folder_of_their_user_and_take_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fonts, "gettempdir", lambda: str(tmp_path))
    fresh = fonts.chart_fonts.__wrapped__
    place = fresh()
    written = (place / BOLD_FONT.name).stat()
    fonts._put(place)  # as another process that looked before the folder was there
    assert [path.name for path in tmp_path.iterdir()] == [place.name]
    assert fresh() == place
    assert (place / BOLD_FONT.name).stat() == written
    place.chmod(0o777)
    with pytest.raises(Refused, match="somebody else"):
        fresh()
