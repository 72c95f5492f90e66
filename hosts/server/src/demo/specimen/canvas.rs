//! A picture to draw on, at twice its final size: halving it at the end smooths every edge, which
//! the drawing library itself leaves jagged. All coordinates are pixels of the doubled picture.

use std::{convert::Infallible, ops::Range};

use embedded_graphics::{
    mono_font::{MonoTextStyle, iso_8859_1::FONT_10X20},
    pixelcolor::{BinaryColor, Rgb888},
    prelude::*,
    primitives::{Arc, PrimitiveStyle, Rectangle, StyledDrawable},
    text::{Baseline, Text},
};
use image::{
    ExtendedColorType, GrayImage, ImageEncoder, Luma, Rgb, RgbImage,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType as PngFilter, PngEncoder},
    },
    imageops::{FilterType, resize},
};

use super::text::latin1;

/// Cosine and sine of the angle of a stamp (20 degrees, rising to the right), in 1024ths.
const STAMP_TURN: (i32, i32) = (962, -350);
const JPEG_QUALITY: u8 = 82;

pub(super) struct Canvas {
    image: RgbImage,
    /// How much new colour covers what is below it, of 255.
    opacity: u8,
}

impl Canvas {
    pub(super) fn new(size: Size, colour: Rgb888) -> Self {
        Self {
            image: RgbImage::from_pixel(size.width, size.height, to_rgb(colour)),
            opacity: 255,
        }
    }

    /// Fills `area`.
    pub(super) fn fill(&mut self, area: &Rectangle, colour: Rgb888) {
        let Ok(()) = self.fill_solid(area, colour);
    }

    /// Fills the ellipse that touches the sides of `bounds`, as far as it lies within `area`.
    pub(super) fn ellipse(&mut self, area: &Rectangle, bounds: &Rectangle, colour: Rgb888) {
        let radii = bounds.size / 2;
        self.rounded(area, bounds, radii, colour);
    }

    /// Draws a line of `width` along the inside of the ellipse that touches the sides of `bounds`.
    pub(super) fn ring(&mut self, bounds: &Rectangle, width: i32, colour: Rgb888) {
        let inner = bounds.offset(-width);
        let page = self.bounding_box();
        for y in bounds.intersection(&page).rows() {
            let outside = row_of(bounds, bounds.size / 2, y);
            let inside = row_of(&inner, inner.size / 2, y);
            if inside.is_empty() {
                self.fill_row(&page, outside, y, colour);
            } else {
                self.fill_row(&page, outside.start..inside.start, y, colour);
                self.fill_row(&page, inside.end..outside.end, y, colour);
            }
        }
    }

    /// Fills `bounds` with its corners rounded to quarters of an ellipse with these radii, as far
    /// as it lies within `area`.
    pub(super) fn rounded(&mut self, area: &Rectangle, bounds: &Rectangle, radii: Size, colour: Rgb888) {
        for y in bounds.intersection(area).rows() {
            self.fill_row(area, row_of(bounds, radii, y), y, colour);
        }
    }

    /// Draws along a circle with its middle at `middle`, from `start` degrees (0 is to the right)
    /// clockwise over `sweep` degrees.
    pub(super) fn arc(
        &mut self,
        (middle, diameter): (Point, u32),
        (start, sweep): (f32, f32),
        width: u32,
        colour: Rgb888,
    ) {
        let arc = Arc::with_center(middle, diameter, start.deg(), sweep.deg());
        let style = PrimitiveStyle::with_stroke(colour, width);
        let Ok(()) = arc.draw_styled(&style, self);
    }

    /// Fills `area` with a colour that turns from `top` to `bottom`.
    pub(super) fn shade(&mut self, area: &Rectangle, top: Rgb888, bottom: Rgb888) {
        let height = area.size.height.max(1);
        for row in 0..height {
            let y = area.top_left.y + signed(row);
            let line = Rectangle::new(Point::new(area.top_left.x, y), Size::new(area.size.width, 1));
            self.fill(&line, mix(top, bottom, row, height));
        }
    }

    /// Runs `draw` with everything it draws let through to `opacity` of 255.
    pub(super) fn translucent(&mut self, opacity: u8, draw: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.opacity, opacity);
        draw(self);
        self.opacity = before;
    }

    /// Writes one line with its top left corner at `at`. `cell` is the size of one letter;
    /// letters are made narrower where the line would be wider than `width_max`.
    pub(super) fn text(&mut self, line: &str, at: Point, cell: Size, width_max: u32, colour: Rgb888) {
        let width = cell.width * letters(line);
        let mask = mask(line, Size::new(width.min(width_max), cell.height));
        for (x, y, coverage) in mask.enumerate_pixels() {
            self.blend(at + Point::new(signed(x), signed(y)), colour, coverage.0);
        }
    }

    /// Writes one line slanting upwards, its middle at `centre`.
    pub(super) fn stamp(&mut self, line: &str, centre: Point, cell: Size, colour: Rgb888) {
        let mask = mask(line, Size::new(cell.width * letters(line), cell.height));
        let (width, height) = (signed(mask.width()), signed(mask.height()));
        let (cos, sin) = STAMP_TURN;
        let across = (width * cos.abs() + height * sin.abs()) / 2048;
        let up = (width * sin.abs() + height * cos.abs()) / 2048;
        for dy in -up..=up {
            for dx in -across..=across {
                let x = (dx * cos + dy * sin) / 1024 + width / 2;
                let y = (dy * cos - dx * sin) / 1024 + height / 2;
                let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
                    continue;
                };
                if let Some(coverage) = mask.get_pixel_checked(x, y) {
                    self.blend(centre + Point::new(dx, dy), colour, coverage.0);
                }
            }
        }
    }

    /// The picture at its final size, as PNG.
    #[expect(clippy::expect_used, reason = "nothing can fail when writing to memory")]
    pub(super) fn png(&self) -> Vec<u8> {
        let image = self.halved();
        let mut bytes = Vec::new();
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, PngFilter::Adaptive)
            .write_image(&image, image.width(), image.height(), ExtendedColorType::Rgb8)
            .expect("a picture of the stated size");
        bytes
    }

    /// The picture at its final size, as JPEG.
    #[expect(clippy::expect_used, reason = "nothing can fail when writing to memory")]
    pub(super) fn jpg(&self) -> Vec<u8> {
        let image = self.halved();
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
            .write_image(&image, image.width(), image.height(), ExtendedColorType::Rgb8)
            .expect("a picture of the stated size");
        bytes
    }

    fn halved(&self) -> RgbImage {
        let (width, height) = self.image.dimensions();
        RgbImage::from_fn(width / 2, height / 2, |x, y| {
            let mut sums = [2_u16; 3];
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let pixel = self.image.get_pixel(2 * x + dx, 2 * y + dy);
                for (sum, channel) in sums.iter_mut().zip(pixel.0) {
                    *sum += u16::from(channel);
                }
            }
            Rgb(sums.map(|sum| u8::try_from(sum / 4).unwrap_or(u8::MAX)))
        })
    }

    fn fill_row(&mut self, area: &Rectangle, columns: Range<i32>, y: i32, colour: Rgb888) {
        let within = area.columns();
        for x in columns.start.max(within.start)..columns.end.min(within.end) {
            self.blend(Point::new(x, y), colour, [255]);
        }
    }

    fn blend(&mut self, at: Point, colour: Rgb888, [coverage]: [u8; 1]) {
        let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) else {
            return;
        };
        if let Some(pixel) = self.image.get_pixel_mut_checked(x, y) {
            if coverage == 255 && self.opacity == 255 {
                *pixel = to_rgb(colour);
                return;
            }
            let part = u32::from(coverage) * u32::from(self.opacity);
            let below = Rgb888::new(pixel.0[0], pixel.0[1], pixel.0[2]);
            *pixel = to_rgb(mix(below, colour, part, 255 * 255));
        }
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.image.width(), self.image.height())
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            self.blend(at, colour, [255]);
        }
        Ok(())
    }
}

/// What the bitmap font draws into: how much of each pixel is ink, of 255.
struct Mask(GrayImage);

impl OriginDimensions for Mask {
    fn size(&self) -> Size {
        Size::new(self.0.width(), self.0.height())
    }
}

impl DrawTarget for Mask {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, ink) in pixels {
            if let (Ok(x), Ok(y), true) = (u32::try_from(at.x), u32::try_from(at.y), ink.is_on())
                && let Some(pixel) = self.0.get_pixel_mut_checked(x, y)
            {
                *pixel = Luma([255]);
            }
        }
        Ok(())
    }
}

/// `line` stretched to `size`, with the stairs of the bitmap letters smoothed into curves.
fn mask(line: &str, size: Size) -> GrayImage {
    let cell = FONT_10X20.character_size;
    let mut mask = Mask(GrayImage::new(cell.width * letters(line).max(1), cell.height));
    let style = MonoTextStyle::new(&FONT_10X20, BinaryColor::On);
    let line = latin1(line);
    let Ok(_) = Text::with_baseline(&line, Point::zero(), style, Baseline::Top).draw(&mut mask);
    let mut stretched = resize(&mask.0, size.width.max(1), size.height.max(1), FilterType::CatmullRom);
    for pixel in stretched.pixels_mut() {
        let sharp = (i32::from(pixel.0[0]) - 96) * 3;
        pixel.0 = [u8::try_from(sharp.clamp(0, 255)).unwrap_or_default()];
    }
    stretched
}

/// The columns of row `y` that lie in `bounds` with its corners rounded. The drawing library's
/// own ellipses overflow at the sizes of ours.
fn row_of(bounds: &Rectangle, radii: Size, y: i32) -> Range<i32> {
    if !bounds.rows().contains(&y) {
        return 0..0;
    }
    // In half pixels from the middle, so that sizes may be odd.
    let (length, height) = (signed(bounds.size.width), signed(bounds.size.height));
    let (wide, high) = (2 * signed(radii.width).max(1), 2 * signed(radii.height).max(1));
    let off = (2 * (y - bounds.top_left.y) + 1 - height).abs();
    let into_corner = (off - (height - high)).max(0);
    let [across, upright, into] = [wide, high, into_corner].map(i64::from);
    let root = (upright * upright - into * into).max(0) * across * across;
    let bulge = i32::try_from(root.isqrt() / upright).unwrap_or_default();
    let reach = length - wide + bulge;
    let middle = 2 * bounds.top_left.x + length;
    let start = (middle - reach) / 2;
    start..start + reach
}

fn letters(line: &str) -> u32 {
    u32::try_from(line.chars().count()).unwrap_or(u32::MAX)
}

/// The colour `part` of `whole` of the way from `from` to `to`.
pub(super) fn mix(from: Rgb888, to: Rgb888, part: u32, whole: u32) -> Rgb888 {
    let channel = |from: u8, to: u8| {
        let sum = u32::from(from) * whole.saturating_sub(part) + u32::from(to) * part;
        u8::try_from((sum + whole / 2) / whole.max(1)).unwrap_or(u8::MAX)
    };
    Rgb888::new(
        channel(from.r(), to.r()),
        channel(from.g(), to.g()),
        channel(from.b(), to.b()),
    )
}

fn to_rgb(colour: Rgb888) -> Rgb<u8> {
    Rgb([colour.r(), colour.g(), colour.b()])
}

fn signed(pixels: u32) -> i32 {
    i32::try_from(pixels).unwrap_or(i32::MAX)
}
