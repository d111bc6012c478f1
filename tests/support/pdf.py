"""Write PDF files that no program writes: malicious, damaged, encrypted."""

import zlib
from collections.abc import Sequence


def pdf(content: bytes = b"", box: str = "0 0 300 200", more: Sequence[bytes] = (), end: str = "") -> bytes:
    """Return a PDF file of one page.

    Args:
        content: of the page: the commands that draw it, or a stream of them.
        box: left, bottom, right, top of the page in points.
        more: further objects, with numbers from 5; the page knows the first of them as X.
        end: further entries of the trailer.
    """
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 4 0 R"
        "/Resources<</XObject<</X 5 0 R>>>>>>".encode(),
        content if content.endswith(b"endstream") else stream(content),
        *more,
    ]
    out, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return (
        out
        + b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table)
        + f"trailer <</Size {size}/Root 1 0 R{end}>>\nstartxref\n{len(out)}\n%%EOF\n".encode()
    )


def stream(content: bytes, entries: str = "", compress: int = 1) -> bytes:
    """Return a stream, compressed `compress` times.

    Args:
        content: of the stream.
        entries: further entries of its dictionary.
        compress: how often it is compressed.
    """
    for _ in range(compress):
        content = zlib.compress(content, 1)
    filters = f"/Filter[{'/FlateDecode' * compress}]" if compress else ""
    return f"<<{entries}{filters}/Length {len(content)}>>stream\n".encode() + content + b"\nendstream"


def encrypted() -> bytes:
    """Return a PDF file that needs a password, which nobody knows."""
    keys = "41" * 32
    return pdf(end=f"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<{keys}>/U<{keys}>>>/ID[<{keys}><{keys}>]")


def claiming(pages: int) -> bytes:
    """Return a PDF file of one page that claims to have more."""
    return pdf().replace(b"/Count 1", b"/Count %d" % pages)


def nested_forms(depth: int = 12) -> bytes:
    """Return a page that draws a form, which draws another ten times, and so on."""
    form = "/Type/XObject/Subtype/Form/BBox[0 0 300 200]"
    forms = [
        stream(b"/X Do " * 10, f"{form}/Resources<</XObject<</X {6 + level} 0 R>>>>")
        for level in range(depth)
    ]
    return pdf(b"/X Do", more=[*forms, stream(b"0 0 10 10 re f", form)])


def curves(count: int = 300_000) -> bytes:
    """Return a page with one very long path, which takes PDFium 17 s."""
    return pdf(b"0 0 m " + b"300 200 300 0 0 200 c 3 5 l " * count + b"S")


def image_of(side: int) -> bytes:
    """Return a page with a picture of `side` x `side` pixels of nothing."""
    entries = (
        f"/Type/XObject/Subtype/Image/Width {side}/Height {side}/ColorSpace/DeviceGray/BitsPerComponent 8"
    )
    return pdf(b"300 0 0 200 0 0 cm /X Do", more=[stream(bytes(side * side), entries)])


def inflating(size: int = 1000) -> bytes:
    """Return a page whose commands are `size` MiB of spaces."""
    squeeze = zlib.compressobj(1)
    content = b"".join(squeeze.compress(b" " * 2**20) for _ in range(size)) + squeeze.flush()
    return pdf(stream(content, "/Filter/FlateDecode", compress=0))
