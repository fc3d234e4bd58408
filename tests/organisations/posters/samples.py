"""Labels that several of these tests draw, and the scanner that reads them back.

The scanner is zxing-cpp, which shares nothing with the library that made the code.
"""

from io import BytesIO

import zxingcpp
from PIL import Image

from server.organisations.posters import Poster
from server.organisations.posters.matrix import LONGEST_URL
from server.organisations.posters.page import Box
from server.texts.hotlines import Hotline

URL = "https://xinqiao.example.gov.cn/q/Ab3dEf9k"
LONG_URL = ("https://xinqiao.example.gov.cn/q/Ab3dEf9k?from=" + "stairwell-7f3Kq-" * 10)[:LONGEST_URL]

HOTLINES = (
    Hotline("全国统一心理援助热线", "12356", "每天 8:00–24:00", "all"),
    Hotline("青山区心理援助热线", "0755-2562 9459", "24 小时", "all"),
    Hotline("青少年服务台", "12355", "每天 9:00–21:00", "young"),
    Hotline("急救", "120", "24 小时，此刻有危险时请先拨打", "danger"),
    Hotline("报警", "110", "24 小时，此刻有危险时请先拨打", "danger"),
)
POSTER = Poster(
    url=URL,
    place="幸福里社区党群服务中心",
    opens="心情自评 · 约 3 分钟",
    invite="微信扫一扫",
    hotlines_title="想和人说说话，可以打电话",
    hotlines=HOTLINES[:3],
    code="QSH-0427-K7",
    brand="心桥",
)
PLACES = (
    "塱",
    "塱口村",
    "幸福里社区党群服务中心",
    "青山湖街道幸福里社区卫生服务中心",
    "大埗镇第三中学（高中部）学生发展指导中心",
    "青山湖街道幸福里社区党群服务中心心理健康服务站（东门便民大厅）",
    "JR Tower 2 期 B1 层 Wellness Center",
)


def pixels(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png)).convert("RGB")


def scanned(image: Image.Image) -> str | None:
    found = zxingcpp.read_barcode(image)
    return found.text if found else None


def holds(outer: Box, inner: Box) -> bool:
    slack = 1e-6
    return (
        outer.x - slack <= inner.x
        and outer.y - slack <= inner.y
        and inner.right <= outer.right + slack
        and inner.bottom <= outer.bottom + slack
    )
