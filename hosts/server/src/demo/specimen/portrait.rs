//! A face with shoulders from plain shapes: the photograph of the passport and the selfie.

use embedded_graphics::{pixelcolor::Rgb888, prelude::*, primitives::Rectangle};

use super::{
    Choices,
    canvas::{Canvas, mix},
};

const WHITE: Rgb888 = Rgb888::new(250, 250, 248);
const INK: Rgb888 = Rgb888::new(38, 30, 30);

/// What tells one drawn person from another.
#[derive(Clone, Copy)]
struct Looks {
    skin: Rgb888,
    hair: Rgb888,
    eyes: Rgb888,
    shirt: Rgb888,
    long_hair: bool,
    glasses: bool,
    beard: bool,
}

impl Looks {
    fn choose(choices: &mut Choices) -> Self {
        let long_hair = choices.below(2) == 0;
        Self {
            skin: choices.one_of([
                Rgb888::new(244, 208, 180),
                Rgb888::new(232, 184, 148),
                Rgb888::new(206, 150, 112),
                Rgb888::new(160, 108, 76),
                Rgb888::new(118, 78, 56),
            ]),
            hair: choices.one_of([
                Rgb888::new(44, 34, 32),
                Rgb888::new(86, 56, 38),
                Rgb888::new(132, 86, 50),
                Rgb888::new(186, 146, 88),
                Rgb888::new(142, 138, 136),
            ]),
            eyes: choices.one_of([
                Rgb888::new(84, 58, 40),
                Rgb888::new(74, 108, 134),
                Rgb888::new(82, 112, 82),
            ]),
            shirt: choices.one_of([
                Rgb888::new(52, 82, 120),
                Rgb888::new(120, 62, 70),
                Rgb888::new(66, 98, 84),
                Rgb888::new(88, 84, 98),
            ]),
            long_hair,
            glasses: choices.below(3) == 0,
            beard: !long_hair && choices.below(2) == 0,
        }
    }
}

/// Places parts of a figure, given in thousandths of the width of `area`, on the canvas.
struct Figure<'a> {
    canvas: &'a mut Canvas,
    area: Rectangle,
}

impl Figure<'_> {
    fn length(&self, thousandths: i32) -> i32 {
        let width = i32::try_from(self.area.size.width).unwrap_or(i32::MAX);
        thousandths * width / 1000
    }

    fn size(&self, width: i32, height: i32) -> Size {
        Size::new(self.length(width).unsigned_abs(), self.length(height).unsigned_abs())
    }

    fn place(&self, x: i32, y: i32) -> Point {
        self.area.top_left + Point::new(self.length(x), self.length(y))
    }

    fn ellipse(&mut self, (x, y): (i32, i32), (width, height): (i32, i32), colour: Rgb888) {
        let bounds = Rectangle::with_center(self.place(x, y), self.size(width, height));
        self.canvas.ellipse(&self.area, &bounds, colour);
    }

    fn rounded(&mut self, (x, y): (i32, i32), (width, height): (i32, i32), radius: i32, colour: Rgb888) {
        let bounds = Rectangle::with_center(self.place(x, y), self.size(width, height));
        let radii = self.size(radius, radius);
        self.canvas.rounded(&self.area, &bounds, radii, colour);
    }

    /// A stroke along a circle, from `start` degrees clockwise over `sweep` degrees.
    fn arc(&mut self, (x, y): (i32, i32), diameter: i32, span: (f32, f32), width: i32, colour: Rgb888) {
        let middle = self.place(x, y);
        let Size {
            width: diameter,
            height: width,
        } = self.size(diameter, width);
        self.canvas.arc((middle, diameter), span, width.max(1), colour);
    }
}

/// Draws somebody into `area`, which should be about four units wide and five high.
pub(super) fn draw(canvas: &mut Canvas, area: Rectangle, choices: &mut Choices) {
    let looks = Looks::choose(choices);
    let mut figure = Figure { canvas, area };
    shoulders(&mut figure, looks);
    head(&mut figure, looks);
    eyes(&mut figure, looks);
    mouth(&mut figure, looks);
}

fn shoulders(figure: &mut Figure, looks: Looks) {
    let shadow = mix(looks.skin, INK, 22, 100);
    let dark_hair = mix(looks.hair, INK, 25, 100);
    if looks.long_hair {
        figure.rounded((500, 640), (590, 680), 240, dark_hair);
    }
    let dark_shirt = mix(looks.shirt, INK, 35, 100);
    figure.rounded((500, 1250), (880, 640), 300, looks.shirt);
    figure.ellipse((500, 945), (330, 170), dark_shirt);
    figure.rounded((500, 830), (210, 320), 100, shadow);
    figure.ellipse((500, 925), (270, 130), looks.skin);
    figure.rounded((500, 850), (210, 170), 90, looks.skin);
    // The chin throws a shadow on the neck.
    figure.ellipse((500, 800), (230, 130), shadow);
}

fn head(figure: &mut Figure, looks: Looks) {
    let shade = mix(looks.skin, INK, 12, 100);
    let blush = mix(looks.skin, Rgb888::new(214, 84, 74), 30, 100);
    figure.ellipse((500, 375), (550, 500), looks.hair);
    for x in [262, 738] {
        figure.ellipse((x, 560), (70, 130), shade);
    }
    figure.ellipse((500, 545), (470, 620), looks.skin);
    if looks.beard {
        let stubble = mix(looks.skin, looks.hair, 55, 100);
        figure.ellipse((500, 735), (390, 240), stubble);
        figure.ellipse((500, 650), (370, 170), looks.skin);
    }
    for x in [365, 635] {
        figure.ellipse((x, 645), (100, 70), blush);
    }
    // A fringe: a cap of hair over the forehead, parted to one side.
    figure.ellipse((420, 300), (370, 190), looks.hair);
    figure.ellipse((640, 310), (240, 170), looks.hair);
    let gloss = mix(looks.hair, WHITE, 22, 100);
    figure.arc((470, 420), 420, (230.0, 55.0), 14, gloss);
}

fn eyes(figure: &mut Figure, looks: Looks) {
    let lid = mix(looks.skin, INK, 45, 100);
    let brow = mix(looks.hair, INK, 40, 100);
    for x in [395, 605] {
        figure.ellipse((x, 535), (108, 62), lid);
        figure.ellipse((x, 540), (100, 56), WHITE);
        figure.ellipse((x, 540), (54, 54), looks.eyes);
        figure.ellipse((x, 540), (26, 26), INK);
        figure.ellipse((x + 10, 530), (12, 12), WHITE);
        figure.arc((x, 540), 150, (228.0, 84.0), 18, brow);
        if looks.glasses {
            figure.arc((x, 545), 170, (0.0, 360.0), 12, INK);
        }
    }
    if looks.glasses {
        figure.rounded((500, 535), (44, 12), 4, INK);
    }
}

fn mouth(figure: &mut Figure, looks: Looks) {
    let line = mix(looks.skin, INK, 30, 100);
    let lips = mix(looks.skin, Rgb888::new(168, 48, 58), 60, 100);
    figure.arc((500, 632), 70, (25.0, 130.0), 12, line);
    figure.arc((500, 672), 150, (32.0, 116.0), 24, lips);
    figure.arc((500, 822), 80, (235.0, 70.0), 8, line);
}

/// Somebody in front of a wall with a window, at twice the final size.
pub(super) fn selfie(choices: &mut Choices) -> Canvas {
    let size = Size::new(1440, 1920);
    let wall = choices.one_of([
        Rgb888::new(214, 206, 192),
        Rgb888::new(190, 204, 210),
        Rgb888::new(204, 212, 194),
        Rgb888::new(216, 198, 196),
    ]);
    let mut canvas = Canvas::new(size, wall);
    let whole = Rectangle::new(Point::zero(), size);
    canvas.shade(&whole, mix(wall, WHITE, 45, 100), mix(wall, INK, 18, 100));
    window(&mut canvas);
    plant(&mut canvas);
    let person = Rectangle::new(Point::new(60, 360), Size::new(1320, 1560));
    draw(&mut canvas, person, choices);
    let label = Rectangle::new(Point::new(0, 1780), Size::new(1440, 140));
    canvas.translucent(150, |canvas| canvas.fill(&label, INK));
    let words = "SPECIMEN - drawn for a demo, nobody's face";
    canvas.text(words, Point::new(70, 1818), Size::new(31, 64), 1300, WHITE);
    canvas.translucent(90, |canvas| {
        canvas.stamp("SPECIMEN", Point::new(720, 420), Size::new(150, 300), WHITE);
    });
    canvas
}

fn window(canvas: &mut Canvas) {
    let frame = Rectangle::new(Point::new(930, 90), Size::new(430, 600));
    canvas.fill(&frame, WHITE);
    for (x, y) in [(954, 114), (1157, 114), (954, 402), (1157, 402)] {
        let pane = Rectangle::new(Point::new(x, y), Size::new(179, 264));
        canvas.shade(&pane, Rgb888::new(158, 200, 230), Rgb888::new(222, 236, 240));
    }
}

fn plant(canvas: &mut Canvas) {
    let whole = canvas.bounding_box();
    let leaf = Rgb888::new(92, 134, 92);
    for (x, y, width, height) in [(40, 700, 120, 420), (130, 800, 150, 330), (-50, 820, 140, 330)] {
        let bounds = Rectangle::new(Point::new(x, y), Size::new(width, height));
        canvas.ellipse(&whole, &bounds, leaf);
    }
    let pot = Rectangle::new(Point::new(-20, 1080), Size::new(280, 300));
    canvas.fill(&pot, Rgb888::new(176, 110, 82));
    let flower = Rectangle::new(Point::new(60, 770), Size::new_equal(60));
    canvas.ellipse(&whole, &flower, Rgb888::new(212, 120, 130));
}
