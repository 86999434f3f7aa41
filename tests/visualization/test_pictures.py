"""Reading pictures: their own numbers, and what viewers show."""

import gc
import io
import os
import struct
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from qconv.visualization.pictures import read_picture
from qconv.visualization.writing import write_array

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 14)).astype(np.uint8)
COLOUR = RNG.integers(0, 256, (12, 14, 3)).astype(np.uint8)
DEEP = RNG.integers(0, 65536, (12, 14)).astype(np.uint16)
DEEP_COLOUR = RNG.integers(0, 65536, (12, 14, 3)).astype(np.uint16)
ALPHA = RNG.integers(0, 256, (12, 14)).astype(np.uint8)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(path):
    """Return what a viewer shows: white is 255; floating-point numbers are unchanged."""
    picture = read_picture(path)
    assert picture.numbers.dtype == np.float64
    if picture.white is None:
        return picture.numbers
    return picture.numbers / picture.white * 255


def tiff(pixels, **how):
    """Return what is read from a TIFF that tifffile writes."""
    tifffile.imwrite("in.tif", pixels, **how)
    return shown("in.tif")


def pillow(picture, ending="png", **how):
    """Return what is read from a file that Pillow writes."""
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    picture.save(f"in.{ending}", **how)
    return shown(f"in.{ending}")


def same(seen, expected, atol=1e-9):
    assert seen.dtype == np.float64
    np.testing.assert_allclose(seen, np.asarray(expected, dtype=float), atol=atol, rtol=0)


def on_white(pixels, opacity):
    opacity = opacity[..., None] if np.ndim(pixels) == 3 else opacity
    return pixels * opacity + 255 * (1 - opacity)


#: The eight orientations as in the standard: the positions of row 0 and column 0.
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}


class TestOrientation:
    @staticmethod
    def exif(orientation):
        exif = Image.Exif()
        exif[0x0112] = orientation
        return exif

    @pytest.mark.parametrize("orientation", TURNS)
    @pytest.mark.parametrize("pixels", [GREY, COLOUR, DEEP], ids=["grey", "colour", "deep"])
    @pytest.mark.parametrize("ending", ["png", "webp", "tif"])
    def test_without_loss(self, orientation, pixels, ending):
        if ending == "webp" and pixels is not COLOUR:
            return  # WebP has no others
        how = {"webp": {"lossless": True}}.get(ending, {})
        seen = pillow(pixels, ending, exif=self.exif(orientation), **how)
        same(seen, TURNS[orientation](pixels / (257 if pixels is DEEP else 1)))

    @pytest.mark.parametrize("orientation", TURNS)
    def test_jpeg(self, orientation):
        smooth = np.add.outer(np.arange(16) * 9, np.arange(24) * 3).astype(np.uint8)
        seen = pillow(smooth, "jpg", exif=self.exif(orientation), quality=95)
        same(seen, TURNS[orientation](smooth), atol=6)

    @pytest.mark.parametrize("orientation", TURNS)
    @pytest.mark.parametrize("pixels", [GREY, COLOUR, GREY[:1]], ids=["grey", "colour", "row"])
    def test_tiff_by_tifffile(self, orientation, pixels):
        seen = tiff(pixels, extratags=[(274, "H", 1, orientation, True)])
        same(seen, TURNS[orientation](pixels))

    @pytest.mark.parametrize("orientation", TURNS)
    def test_tiff_that_pillow_reads(self, orientation):
        seen = pillow(COLOUR, "tif", tiffinfo={274: orientation}, compression="tiff_lzw")
        same(seen, TURNS[orientation](COLOUR))

    @pytest.mark.parametrize("exif", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0rubbish", b"x"])
    def test_damaged_notes(self, exif):
        assert pillow(GREY, "jpg", exif=exif).shape == GREY.shape

    def test_no_such_turn(self):
        same(pillow(GREY, exif=self.exif(9)), GREY)
        same(tiff(GREY, extratags=[(274, "H", 1, 0, True)]), GREY)


class TestPortableMaps:
    @pytest.mark.parametrize("most", [1, 15, 100, 254, 255, 256, 1023, 4095, 65534, 65535])
    @pytest.mark.parametrize("kind", ["P2", "P3", "P5", "P6"])
    def test_any_brightest(self, kind, most):
        shape = (5, 4, 3) if kind in ("P3", "P6") else (5, 4)
        levels = RNG.integers(0, most + 1, shape)
        levels.flat[:2] = 0, most
        head = f"{kind}\n# a remark\n4 5\n{most}\n".encode()
        if kind in ("P2", "P3"):
            body = " ".join(map(str, levels.flat)).encode()
        else:
            body = levels.astype(">u2" if most > 255 else "u1").tobytes()
        Path("in.pgm").write_bytes(head + body)
        seen = shown("in.pgm")
        same(seen, levels / most * 255)
        assert (seen.flat[0], seen.flat[1]) == (0, 255)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [(b"P1\n3 2\n0 1 0\n1 1 0\n", None), (b"P4\n3 2\n\x40\xc0", None)],
        ids=["letters", "bits"],
    )
    def test_one_bit(self, text, expected):
        Path("in.pbm").write_bytes(text)
        same(shown("in.pbm"), [[255, 0, 255], [0, 0, 255]])

    def test_floating_point(self):
        numbers = RNG.normal(size=(3, 4)).astype("<f4")
        Path("in.pfm").write_bytes(b"Pf\n4 3\n-1.0\n" + numbers[::-1].tobytes())
        same(shown("in.pfm"), numbers)


class TestDepth:
    @pytest.mark.parametrize("bits", [8, 16, 32, 64])
    @pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
    def test_whole_numbers(self, bits, photometric):
        levels = RNG.integers(0, 2**bits, (5, 6), dtype=f"u{bits // 8}", endpoint=False)
        shown = levels / float(2**bits - 1) * 255
        seen = tiff(levels, photometric=photometric)
        same(seen, shown if photometric == "minisblack" else 255 - shown)

    @pytest.mark.parametrize("bits", [8, 16, 32])
    def test_signed(self, bits):
        levels = RNG.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (5, 6), dtype=f"i{bits // 8}")
        same(tiff(levels), levels / (2 ** (bits - 1) - 1) * 255)

    @pytest.mark.parametrize("order", ["<", ">"])
    def test_order_of_bytes(self, order):
        same(tiff(DEEP, byteorder=order), DEEP / 257)

    def test_colours(self):
        same(tiff(DEEP_COLOUR, photometric="rgb"), DEEP_COLOUR / 257)
        planes = np.moveaxis(DEEP_COLOUR, 2, 0)
        same(tiff(planes, photometric="rgb", planarconfig="separate"), DEEP_COLOUR / 257)
        same(tiff(DEEP_COLOUR, photometric="rgb", compression="zlib"), DEEP_COLOUR / 257)

    def test_png_of_sixteen_bits(self):
        same(pillow(DEEP), DEEP / 257)

    @pytest.mark.parametrize(("samples", "kind"), [(3, 2), (4, 6), (2, 4)])
    @pytest.mark.parametrize("clear", [False, True])
    def test_png_of_many_samples_of_sixteen_bits(self, samples, kind, clear):
        """Colours, colours with opacity, and grey levels with opacity; one transparent colour."""
        levels = RNG.integers(0, 65536, (12, 14, samples)).astype(np.uint16)
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
        parts = [(b"IHDR", struct.pack(">IIBBBBB", 14, 12, 16, kind, 0, 0, 0))]
        if clear and samples == 3:
            parts += [(b"tRNS", levels[0, 0].astype(">u2").tobytes())]
        parts += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
        chunks = [
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in parts
        ]
        Path("in.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
        if samples == 3:
            expected = levels / 257
            expected[0, 0] = 255 if clear else expected[0, 0]
        else:
            colours = levels[:, :, :3] if samples == 4 else levels[:, :, 0]
            expected = on_white(colours / 257, levels[:, :, -1] / 65535)
        same(shown("in.png"), expected)

    @pytest.mark.parametrize("ending", ["png", "tif", "bmp"])
    def test_one_bit(self, ending):
        same(pillow(GREY > 99, ending), 255.0 * (GREY > 99))

    @pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
    def test_one_bit_tiff(self, photometric):
        seen = tiff(GREY > 99, photometric=photometric)
        same(seen, 255.0 * ((GREY > 99) == (photometric == "minisblack")))

    @pytest.mark.parametrize("compression", ["group3", "group4", "tiff_lzw", "packbits"])
    def test_faxes(self, compression):
        same(pillow(GREY > 99, "tif", compression=compression), 255.0 * (GREY > 99))

    def test_jpeg_2000(self):
        same(pillow(DEEP, "jp2", irreversible=False), DEEP / 257)


class TestFloatingPoint:
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_unchanged(self, dtype):
        numbers = RNG.random((5, 6)).astype(dtype)
        same(tiff(numbers), numbers)

    def test_colours_and_compression(self):
        numbers = RNG.random((5, 6, 3)).astype(np.float32)
        same(tiff(numbers, photometric="rgb"), numbers)
        same(pillow(numbers[:, :, 0], "tif", compression="tiff_lzw"), numbers[:, :, 0])

    def test_negative(self):
        numbers = RNG.random((5, 6)).astype(np.float32)
        for compression in (None, "tiff_lzw"):
            seen = pillow(numbers, "tif", compression=compression, tiffinfo={262: 0})
            with Image.open("in.tif") as picture:
                kind = picture.tag_v2[262]
            same(seen, numbers if kind else 1.0 - numbers, atol=1e-6)

    @pytest.mark.parametrize("numbers", [[[-0.5, 1]], [[0, 1.01]], [[0, 255.0]], [[0.0, 0]]])
    def test_any_range(self, numbers):
        same(tiff(np.float32(numbers)), np.float32(numbers))

    def test_transparent(self):
        numbers = RNG.random((5, 6, 4)).astype(np.float32)
        seen = tiff(numbers, photometric="rgb", extrasamples=["unassalpha"])
        same(seen, on_white(255.0 * numbers[:, :, :3], numbers[:, :, 3]) / 255, atol=1e-6)

    @pytest.mark.parametrize("clear", [1.0, 255.0])
    def test_transparent_with_other_colours(self, clear):
        """Colours up to 255: opacity has its own range, 0 to 1 or 0 to 255."""
        colours, opacity = RNG.random((2, 5, 6, 4)).astype(np.float32)
        numbers = np.dstack([255 * colours[:, :, :3], clear * opacity[:, :, 0]])
        seen = tiff(numbers, photometric="rgb", extrasamples=["unassalpha"])
        same(seen, on_white(numbers[:, :, :3], numbers[:, :, 3] / clear), atol=1e-4)


class TestColours:
    @pytest.mark.parametrize("ending", ["png", "tif", "gif", "bmp"])
    def test_palette(self, ending):
        picture = Image.fromarray(COLOUR).quantize(7)
        same(pillow(picture, ending), np.asarray(picture.convert("RGB")))

    @pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_deflate"])
    def test_palette_of_a_compressed_tiff(self, compression):
        picture = Image.fromarray(COLOUR).quantize(7)
        seen = pillow(picture, "tif", compression=compression)
        same(seen, np.asarray(picture.convert("RGB")))

    @pytest.mark.parametrize("bits", [8, 16])
    @pytest.mark.parametrize("factor", [257, 256, 1])
    def test_palette_by_tifffile(self, bits, factor):
        colours = RNG.integers(0, 256, (3, 2**bits)).astype(np.uint16)
        places = RNG.integers(0, 2**bits, (5, 6)).astype(f"u{bits // 8}")
        seen = tiff(places, photometric="palette", colormap=colours * np.uint16(factor))
        same(seen, np.moveaxis(colours[:, places], 0, -1))

    def test_palette_of_greys(self):
        same(pillow(GREY, "gif"), GREY)
        same(pillow(Image.fromarray(GREY).convert("P"), "png"), GREY)
        colours = np.arange(256).astype(np.uint16) * np.ones((3, 1), np.uint16) * np.uint16(257)
        same(tiff(GREY, photometric="palette", colormap=colours), GREY)

    def test_palette_with_transparency(self):
        picture = Image.fromarray(COLOUR).quantize(7)
        for ending in ("png", "gif"):
            seen = pillow(picture, ending, transparency=2)
            clear = np.asarray(picture) == 2
            same(seen, np.where(clear[..., None], 255, np.asarray(picture.convert("RGB"))))

    @pytest.mark.parametrize("ending", ["png", "webp"])
    def test_rgba(self, ending):
        how = {"lossless": True, "exact": True} if ending == "webp" else {}
        seen = pillow(np.dstack([COLOUR, ALPHA]), ending, **how)
        same(seen, on_white(COLOUR, ALPHA / 255))

    @pytest.mark.parametrize("compression", [None, "tiff_lzw"])
    def test_transparent_tiffs(self, compression):
        seen = pillow(np.dstack([COLOUR, ALPHA]), "tif", compression=compression)
        same(seen, on_white(COLOUR, ALPHA / 255))
        seen = pillow(np.dstack([GREY, ALPHA]), "tif", compression=compression)
        same(seen, on_white(GREY, ALPHA / 255))

    def test_premultiplied(self):
        both = np.dstack([COLOUR // 2, np.maximum(ALPHA, 128)])
        seen = tiff(both, photometric="rgb", extrasamples=["assocalpha"])
        same(seen, both[:, :, :3] + 255 * (1 - both[:, :, 3:] / 255))

    def test_further_channels_are_not_shown(self):
        both = np.dstack([COLOUR, ALPHA])
        same(tiff(both, photometric="rgb", extrasamples=["unspecified"]), COLOUR)

    def test_deep_and_transparent(self):
        both = np.dstack([DEEP_COLOUR, DEEP])
        seen = tiff(both, photometric="rgb", extrasamples=["unassalpha"])
        same(seen, on_white(DEEP_COLOUR / 257, DEEP / 65535))

    def test_la(self):
        same(pillow(np.dstack([GREY, ALPHA])), on_white(GREY, ALPHA / 255))

    @pytest.mark.parametrize("pixels", [GREY, DEEP, GREY > 99], ids=["8 bits", "16 bits", "1 bit"])
    def test_one_transparent_grey(self, pixels):
        level = 255 * int(pixels[0, 0]) if pixels.dtype == bool else int(pixels[0, 0])
        shown = pixels / 257 if pixels is DEEP else pixels * (255.0 if pixels.dtype == bool else 1)
        seen = pillow(pixels, transparency=level)
        same(seen, np.where(pixels == pixels[0, 0], 255, shown))

    def test_one_transparent_colour(self):
        seen = pillow(COLOUR, transparency=tuple(map(int, COLOUR[0, 0])))
        expected = COLOUR.astype(float)
        expected[(COLOUR[0, 0] == COLOUR).all(axis=2)] = 255
        same(seen, expected)

    @pytest.mark.parametrize("ending", ["jpg", "tif"])
    def test_cmyk(self, ending):
        picture = Image.new("RGB", (16, 16), (200, 40, 90)).convert("CMYK")
        seen = pillow(picture, ending, **({"quality": 95} if ending == "jpg" else {}))
        same(seen, np.full((16, 16, 3), (200, 40, 90)), atol=3)

    @pytest.mark.parametrize("compression", [None, "tiff_lzw"])
    def test_lab(self, compression):
        picture = Image.fromarray(
            np.repeat([[[200, 40, 90], [90, 99, 180]]], 4, 0).astype(np.uint8)
        )
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        lab = ImageCms.profileToProfile(picture, *profiles, outputMode="LAB")
        same(pillow(lab, "tif", compression=compression), np.asarray(picture), atol=4)

    @pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg"])
    def test_ycbcr(self, compression):
        picture = Image.new("RGB", (16, 16), (200, 40, 90))
        seen = pillow(picture.convert("YCbCr"), "tif", compression=compression)
        same(seen, np.asarray(picture), atol=3)

    def test_coarse_colours_are_refused(self):
        tags = [(530, "H", 2, (2, 2), True)]
        tifffile.imwrite("in.tif", np.zeros((8, 12), np.uint8), extratags=tags)
        data = bytearray(Path("in.tif").read_bytes())
        with tifffile.TiffFile("in.tif") as file:
            kind = file.pages[0].tags["PhotometricInterpretation"].valueoffset
        data[kind : kind + 2] = struct.pack("<H", 6)
        Path("in.tif").write_bytes(data)
        with pytest.raises(ValueError, match="is not a readable picture"):
            read_picture("in.tif")


class TestCompression:
    @pytest.mark.parametrize(
        "compression", ["tiff_lzw", "packbits", "tiff_deflate", "tiff_adobe_deflate", "lzma"]
    )
    @pytest.mark.parametrize("pixels", [GREY, COLOUR, DEEP], ids=["grey", "colour", "deep"])
    def test_without_loss(self, compression, pixels):
        seen = pillow(pixels, "tif", compression=compression)
        same(seen, pixels / (257 if pixels is DEEP else 1))

    def test_jpeg(self):
        for pixels in (GREY, COLOUR):
            seen = pillow(pixels, "tif", compression="jpeg")
            with Image.open("in.tif") as picture:
                same(seen, np.asarray(picture))

    @pytest.mark.parametrize("photometric", [0, 1])
    @pytest.mark.parametrize("pixels", [GREY, DEEP], ids=["8 bits", "16 bits"])
    def test_negative(self, pixels, photometric):
        pillow(pixels, "tif", compression="tiff_lzw")
        data = bytearray(Path("in.tif").read_bytes())
        with tifffile.TiffFile("in.tif") as file:
            tag = file.pages[0].tags["PhotometricInterpretation"]
            data[tag.valueoffset : tag.valueoffset + 2] = struct.pack("<H", photometric)
        Path("in.tif").write_bytes(data)
        expected = pixels / (257 if pixels is DEEP else 1)
        same(shown("in.tif"), expected if photometric else 255 - expected)

    def test_unsigned_numbers_of_32_bits(self):
        levels = RNG.integers(0, 2**32, (5, 6), dtype=np.uint32)
        picture = Image.fromarray(levels.view(np.int32))
        picture.save("in.tif", compression="tiff_lzw", tiffinfo={339: 1})
        with Image.open("in.tif") as picture:
            signed = picture.tag_v2.get(339, (1,))[0] == 2
        expected = levels.view(np.int32) / (2**31 - 1) if signed else levels / (2**32 - 1)
        same(shown("in.tif"), 255 * expected)


class TestSeveral:
    @pytest.mark.parametrize("number", [2, 3, 4, 5])
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
    @pytest.mark.parametrize("how", [{}, {"metadata": None}, {"imagej": True}, {"ome": True}])
    def test_stacks(self, number, dtype, how):
        stack = RNG.integers(0, 99, (number, 9, 8)).astype(dtype)
        tifffile.imwrite("in.tif", stack, photometric="minisblack", **how)
        picture = read_picture("in.tif")
        assert np.array_equal(picture.numbers, stack)
        assert picture.axes[1:] == "YX"
        assert picture.axes[0] in "ZIQTC"

    @pytest.mark.parametrize("compression", [None, "tiff_lzw"])
    def test_stacks_that_pillow_writes(self, compression):
        frames = [Image.fromarray(np.roll(DEEP, step)) for step in range(3)]
        how = {"save_all": True, "append_images": frames[1:], "compression": compression}
        frames[0].save("in.tif", **how)
        assert np.array_equal(read_picture("in.tif").numbers, np.stack(frames))

    def test_axes_of_a_hyperstack(self):
        stack = RNG.integers(0, 99, (2, 3, 4, 9, 8)).astype(np.uint16)
        for how in ({"imagej": True}, {"ome": True}):
            tifffile.imwrite("in.tif", stack, metadata={"axes": "TZCYX"}, **how)
            picture = read_picture("in.tif")
            assert picture.axes == "TZCYX"
            assert np.array_equal(picture.numbers, stack)

    @pytest.mark.parametrize("planar", ["contig", "separate"])
    def test_stacks_of_colours(self, planar):
        colours = np.stack([COLOUR, COLOUR[::-1]])
        stored = colours if planar == "contig" else np.moveaxis(colours, -1, 1)
        tifffile.imwrite("in.tif", stored, photometric="rgb", planarconfig=planar)
        picture = read_picture("in.tif")
        assert picture.axes[1:] == "YXS"
        assert np.array_equal(picture.numbers, colours)

    def test_pictures_of_different_shapes(self):
        with tifffile.TiffWriter("in.tif") as file:
            file.write(COLOUR, photometric="rgb")
            file.write(GREY[:5], photometric="minisblack")
        with pytest.raises(ValueError, match="one stack, got 2 of them"):
            read_picture("in.tif")

    @pytest.mark.parametrize("number", [2, 3, 4])
    def test_slices_as_numbers_of_a_pixel(self, number):
        how = {"photometric": "minisblack", "planarconfig": "contig"}
        how["extrasamples"] = ["unspecified"] * (number - 1)
        tifffile.imwrite("in.tif", np.ones((9, 8, number), np.uint8), **how)
        with pytest.raises(ValueError, match=f"expected grey .*, got {number} values per pixel"):
            read_picture("in.tif")

    def test_volume(self):
        volume = RNG.integers(0, 99, (16, 16, 16)).astype(np.uint8)
        tifffile.imwrite("in.tif", volume, volumetric=True, tile=(16,) * 3)
        picture = read_picture("in.tif")
        assert (picture.axes, picture.numbers.shape) == ("ZYX", (16, 16, 16))
        assert np.array_equal(picture.numbers, volume)

    @pytest.mark.parametrize("ending", ["gif", "png", "webp"])
    def test_animations(self, ending):
        frames = [Image.fromarray(COLOUR + np.uint8(step)) for step in (0, 50, 99)]
        frames[0].save(f"in.{ending}", save_all=True, append_images=frames[1:])
        with pytest.raises(ValueError, match=r"expected one picture, got .* 3"):
            read_picture(f"in.{ending}")

    @pytest.mark.parametrize("ending", ["gif", "png", "webp"])
    def test_animations_of_one_picture(self, ending):
        Image.fromarray(COLOUR).save(f"in.{ending}", save_all=True)
        assert shown(f"in.{ending}").shape == COLOUR.shape

    def test_preview_of_a_page(self):
        with tifffile.TiffWriter("in.tif") as file:
            file.write(COLOUR, photometric="rgb")
            file.write(COLOUR[::2, ::2], photometric="rgb", subfiletype=1)
        same(shown("in.tif"), COLOUR)

    def test_preview_first(self):
        for compression in (None, "zlib"):
            with tifffile.TiffWriter("in.tif") as file:
                file.write(COLOUR[::2, ::2], photometric="rgb", subfiletype=1)
                file.write(COLOUR, photometric="rgb", compression=compression)
            same(shown("in.tif"), COLOUR)

    def test_preview_only(self):
        with pytest.raises(ValueError, match="expected a picture, got only a preview"):
            tiff(COLOUR, photometric="rgb", subfiletype=1)

    def test_pictures_of_phones_carry_others(self):
        frames = [Image.fromarray(np.full((16, 16, 3), level, np.uint8)) for level in (200, 10)]
        frames[0].save("in.jpg", format="MPO", save_all=True, append_images=frames[1:])
        same(shown("in.jpg"), np.full((16, 16, 3), 200), atol=2)


def half(ending, pixels=COLOUR, **how):
    picture = Image.fromarray(np.tile(pixels, (9, 9) + (1,) * (pixels.ndim - 2)))
    held = io.BytesIO()
    picture.save(held, ending, **how)
    return held.getvalue()[: len(held.getvalue()) // 2]


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "cause"),
        [
            (b"", "file is empty"),
            (b"no picture\n", "file is text"),
            ("kein Bild, s\u00fc\u00df".encode(), "file is text"),
            (b"<svg></svg>", "file is text"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "file is HEIC"),
            (bytes(range(256)), "file format is unknown"),
            (b"\x89PNG\r\n\x1a\n", "format is unknown|damaged"),
            (half("PNG"), "the PNG is truncated or damaged"),
            (half("JPEG"), "the JPEG is truncated or damaged"),
            (half("GIF"), "the GIF is truncated or damaged"),
            (half("BMP"), "the BMP is truncated or damaged"),
            (half("WEBP"), "."),
            (half("TIFF"), "."),
            (half("TIFF", compression="tiff_lzw"), "."),
            (half("TIFF", DEEP), "."),
            (half("TIFF", compression="tiff_adobe_deflate"), "the TIFF is truncated or damaged"),
            (b"II*\0", "."),
            (b"II*\0\x08\0\0\0\xff\xff", "."),
            (b"P5\n4 4\n255\nabc", "the PPM is truncated or damaged"),
            (b"P5\n4 4\n", "."),
        ],
        ids=lambda value: str(value[:12]),
    )
    def test_cause(self, content, cause, capfd, recwarn):
        Path("in.png").write_bytes(content)
        with pytest.raises(
            ValueError, match=f"^in.png is not a readable picture.*{cause}"
        ) as raised:
            read_picture("in.png")
        assert "\n" not in str(raised.value)
        assert capfd.readouterr() == ("", "")

    def test_objects_and_colours_of_one_bit(self, folder):
        np.save("in.npy", np.array([[1, None]], dtype=object), allow_pickle=True)
        with pytest.raises(ValueError, match="expected numbers, got an array of Python objects"):
            read_picture("in.npy")
        tifffile.imwrite("in.tif", np.ones((5, 6, 3), bool), photometric="rgb")
        with pytest.raises(ValueError, match="more than one bit, got 1 bit per colour"):
            read_picture("in.tif")

    def test_folders_and_devices(self, folder):
        with pytest.raises(ValueError, match="is not a picture but a directory"):
            read_picture(folder)
        if os.path.exists("/dev/zero"):
            with pytest.raises(ValueError, match="is not a picture but a device"):
                read_picture("/dev/zero")

    def test_missing(self):
        with pytest.raises(FileNotFoundError, match=r"no such file: no\.png"):
            read_picture("no.png")

    def test_complex(self):
        with pytest.raises(ValueError, match="expected real pixel values, got complex64"):
            tiff(np.ones((4, 4), np.complex64))

    def test_what_no_reader_unpacks_says_why(self):
        """64-bit floating-point numbers in a compression that needs a missing package."""
        tifffile.imwrite("in.tif", np.ones((4, 4)))
        data = bytearray(Path("in.tif").read_bytes())
        with tifffile.TiffFile("in.tif") as file:
            place = file.pages[0].tags["Compression"].valueoffset
        data[place : place + 2] = struct.pack("<H", 34887)
        Path("in.tif").write_bytes(data)
        with pytest.raises(ValueError, match=r"is not a readable picture: .*LERC|imagecod"):
            read_picture("in.tif")


class TestLarge:
    def test_beyond_the_limit_of_pillow(self, monkeypatch):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
        for ending in ("png", "tif"):
            same(pillow(GREY, ending), GREY)
        assert Image.MAX_IMAGE_PIXELS == 10

    @pytest.mark.parametrize("ending", ["png", "tif"])
    def test_beyond_memory(self, ending, monkeypatch):
        Image.fromarray(GREY).save(f"in.{ending}")
        monkeypatch.setattr("qconv._memory.available_memory", lambda: 1000)
        with pytest.raises(ValueError, match=r"12 x 14 pixels are too large: needs about"):
            read_picture(f"in.{ending}")


class TestArrays:
    @pytest.mark.parametrize(
        ("shape", "axes"),
        [
            ((5, 4), "YX"),
            ((5, 4, 3), "YXS"),
            ((3, 5, 4), "QYX"),
            ((2, 5, 4, 3), "QYXS"),
            ((2, 3, 5, 4), "QQYX"),
        ],
    )
    def test_axes(self, shape, axes):
        array = RNG.normal(size=shape)
        np.save("in.npy", array)
        np.savez("in.npz", anything=array)
        for name in ("in.npy", "in.npz"):
            picture = read_picture(name)
            assert picture.axes == axes
            assert np.array_equal(picture.numbers, array)

    def test_saved_result(self):
        import qconv

        result = qconv.convolve(GREY.astype(float), [[1, 2]], shots=5, seed=1)
        result.save("in.npz")
        assert np.array_equal(read_picture("in.npz").numbers, result.image)

    def test_refused(self):
        for array, cause in (
            (np.ones(3), "at least 2 axes, got shape"),
            (np.array([["a"]]), "expected numbers, got an array of <U1"),
            (np.ones((0, 3)), "expected at least one pixel"),
        ):
            np.save("in.npy", array)
            with pytest.raises(ValueError, match=cause):
                read_picture("in.npy")
        np.savez("in.npz", a=np.ones((2, 2)), b=np.ones((2, 2)))
        with pytest.raises(ValueError, match="expected an archive with one array, got a, b"):
            read_picture("in.npz")
        Path("in.npz").write_bytes(Path("in.npz").read_bytes()[:99])
        with pytest.raises(ValueError, match="the archive is truncated or damaged"):
            read_picture("in.npz")

    def test_integers_of_64_bits(self):
        np.save("in.npy", np.array([[2**53, 2**53 + 1]], dtype=np.uint64))
        assert read_picture("in.npy").notes == ("1 integers above 2**53 are rounded to 53 bits",)


def test_a_pipe(folder):
    Image.fromarray(GREY).save("in.png")
    os.mkfifo("pipe")
    data = Path("in.png").read_bytes()
    thread = threading.Thread(target=Path("pipe").write_bytes, args=[data], daemon=True)
    thread.start()
    same(shown("pipe"), GREY)
    thread.join(10)


def test_nothing_is_left_open_or_said(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for ending in ("png", "tif", "jpg", "gif"):
            assert pillow(GREY, ending).shape == GREY.shape
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_is_reported_once(tmp_path, monkeypatch):
    """Garbage collection after a failed write raises no unraisable exception."""
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    place = tmp_path / "full.npy"
    place.symlink_to("/dev/full")

    def kept_by_a_cycle():
        with pytest.raises(OSError, match="No space left") as caught:
            write_array(place, np.zeros((300, 300)))
        cycle = [caught.value]
        cycle.append(cycle)

    kept_by_a_cycle()
    gc.collect()
    assert not unraisable


@pytest.mark.parametrize("shape", [(0,), (3,), (4, 5), (2, 3, 4)])
def test_arrays_are_written_as_numpy_writes_them(tmp_path, shape):
    image = np.asfortranarray(np.random.default_rng(1).normal(size=shape))
    write_array(tmp_path / "own.npy", image)
    np.save(tmp_path / "numpy.npy", np.ascontiguousarray(image))
    assert (tmp_path / "own.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()


@pytest.mark.parametrize("missing", ["-9999", "nan"])
def test_missing_data_are_rejected(missing, tmp_path):
    """GeoTIFFs declare the value of pixels without data as a string in tag 42113."""
    tifffile = pytest.importorskip("tifffile")
    pixels = np.array([[1.5, float(missing)], [3, 4]], dtype=np.float32)
    tag = [(42113, "s", 0, missing, True)]
    tifffile.imwrite(tmp_path / "a.tif", pixels, extratags=tag)
    with pytest.raises(ValueError, match="1 pixels have the no-data value"):
        read_picture(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", np.float32([[2, 30], [3, 4]]), extratags=tag)
    assert shown(tmp_path / "b.tif").max() == 30
