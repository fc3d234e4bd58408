"""The picture for office printers."""

import subprocess
import sys
import unicodedata
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from server.organisations.posters import draw_png, draw_svg
from tests.organisations.posters.samples import LONG_URL, PLACES, POSTER


def test_it_prints_as_a5_in_srgb():
    image = Image.open(BytesIO(draw_png(POSTER)))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (1240, 1759))
    dpi = image.info["dpi"][0]
    assert image.width / dpi * 25.4 == pytest.approx(148, abs=0.05)
    assert image.height / dpi * 25.4 == pytest.approx(210, abs=0.1)
    assert image.info["srgb"] == 0


def test_labels_of_a_run_do_not_rub_off_on_one_another():
    first = draw_png(POSTER)
    other = draw_png(replace(POSTER, place=PLACES[5], url=LONG_URL))
    assert other != first
    assert draw_png(POSTER) == first


def test_the_same_poster_gives_the_same_bytes_in_another_process():
    script = (
        "from hashlib import sha256; from server.organisations.posters import Poster, draw_png, draw_svg\n"
        "from server.texts.hotlines import Hotline\n"
        f"poster = {POSTER!r}\n"
        "print(sha256(draw_png(poster)).hexdigest(), sha256(draw_svg(poster).encode()).hexdigest())"
    )
    root = Path(__file__).parents[3]
    elsewhere = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    here = [sha256(drawn).hexdigest() for drawn in (draw_png(POSTER), draw_svg(POSTER).encode())]
    assert elsewhere.stdout.split() == here


def test_composed_and_decomposed_names_print_alike():
    assert draw_png(replace(POSTER, place="Café 旁")) == draw_png(
        replace(POSTER, place=unicodedata.normalize("NFD", "Café\u3000旁 "))
    )
