//! The data page of a passport of an invented design: photograph, fields, and the two lines that
//! machines read, with their true check digits (ICAO 9303, part 4).

use embedded_graphics::{pixelcolor::Rgb888, prelude::*, primitives::Rectangle};

use super::{
    Choices,
    canvas::{Canvas, mix},
    portrait,
    text::{latin1, machine_readable},
};

const SIZE: Size = Size::new(2000, 1400);
const FIELD_CHARS_MAX: usize = 44;
const INK: Rgb888 = Rgb888::new(34, 34, 40);
const LABEL: Rgb888 = Rgb888::new(104, 104, 112);
const PAPER: Rgb888 = Rgb888::new(246, 243, 234);
const RED: Rgb888 = Rgb888::new(196, 32, 44);

/// Day, month, year.
type Date = (u32, u32, u32);

struct Holder {
    surname: String,
    given: String,
    country: String,
    number: String,
    born: Date,
    issued: Date,
}

impl Holder {
    fn new(name: &str, country: &str, number: &str, choices: &mut Choices) -> Self {
        let name = name.trim();
        let (given, surname) = name.rsplit_once(' ').unwrap_or(("", name));
        let mut day = || (choices.below(28) + 1, choices.below(12) + 1);
        let (born, issued) = (day(), day());
        Self {
            surname: printed(surname),
            given: printed(given),
            country: printed(country),
            number: printed(number),
            born: (born.0, born.1, 1958 + choices.below(45)),
            issued: (issued.0, issued.1, 2021 + choices.below(5)),
        }
    }

    /// Ten years after the issue.
    fn expires(&self) -> Date {
        let (day, month, year) = self.issued;
        (day, month, year + 10)
    }
}

/// Draws the page at twice its final size.
pub(super) fn draw(name: &str, country: &str, number: &str, choices: &mut Choices) -> Canvas {
    let holder = Holder::new(name, country, number, choices);
    let accent = choices.one_of([
        Rgb888::new(112, 34, 52),
        Rgb888::new(28, 58, 104),
        Rgb888::new(30, 86, 76),
        Rgb888::new(84, 52, 104),
    ]);
    let mut canvas = Canvas::new(SIZE, PAPER);
    pattern(&mut canvas, accent);
    heading(&mut canvas, &holder, accent);
    photograph(&mut canvas, accent, choices);
    fields(&mut canvas, &holder);
    machine_lines(&mut canvas, &holder);
    canvas.translucent(70, |canvas| {
        let middle = Point::new(1240, 660);
        canvas.stamp("SPECIMEN", middle, Size::new(170, 320), RED);
    });
    canvas
}

/// The fine lines of security paper: two fans of ellipses that cross.
fn pattern(canvas: &mut Canvas, accent: Rgb888) {
    let page = Rectangle::new(Point::zero(), SIZE);
    canvas.fill(&page, mix(PAPER, accent, 7, 100));
    let line = mix(PAPER, accent, 24, 100);
    for ring in 0..18_u32 {
        let size = Size::new(240 + ring * 134, 140 + ring * 110);
        for middle in [Point::new(300, 1180), Point::new(1750, 380)] {
            canvas.ring(&Rectangle::with_center(middle, size), 2, line);
        }
    }
}

fn heading(canvas: &mut Canvas, holder: &Holder, accent: Rgb888) {
    let band = Rectangle::new(Point::zero(), Size::new(SIZE.width, 170));
    canvas.fill(&band, accent);
    let gold = Rgb888::new(226, 196, 124);
    for (diameter, colour) in [(120, gold), (104, accent), (84, gold), (52, accent)] {
        let emblem = Rectangle::with_center(Point::new(120, 85), Size::new_equal(diameter));
        canvas.ellipse(&band, &emblem, colour);
    }
    let at = Point::new(220, 30);
    canvas.text(&holder.country, at, Size::new(42, 76), 1150, gold);
    let words = "PASSPORT / PASSEPORT";
    canvas.text(words, Point::new(222, 106), Size::new(24, 48), 900, PAPER);
    let at = Point::new(1450, 46);
    canvas.text("SPECIMEN", at, Size::new(58, 96), 500, PAPER);
}

fn photograph(canvas: &mut Canvas, accent: Rgb888, choices: &mut Choices) {
    let frame = Rectangle::new(Point::new(90, 236), Size::new(560, 720));
    canvas.fill(&frame, mix(accent, PAPER, 40, 100));
    let photo = frame.offset(-8);
    canvas.fill(&photo, Rgb888::new(212, 218, 224));
    portrait::draw(canvas, photo, choices);
    // A seal over the corner of the photograph, as offices press them.
    canvas.translucent(120, |canvas| {
        for diameter in [210, 190, 120] {
            let ring = Rectangle::with_center(Point::new(640, 900), Size::new_equal(diameter));
            canvas.ring(&ring, 5, accent);
        }
    });
}

fn fields(canvas: &mut Canvas, holder: &Holder) {
    let code = country_code(&holder.country);
    let columns = [
        (720, 236, 150, "Type", "P"),
        (960, 236, 250, "Code", code.as_str()),
        (1320, 236, 620, "Passport No.", &holder.number),
        (720, 362, 1200, "Surname / Nom", &holder.surname),
        (720, 488, 1200, "Given names / Prénoms", &holder.given),
        (720, 614, 530, "Nationality", &holder.country),
        (1320, 614, 180, "Sex / Sexe", "X"),
        (720, 740, 560, "Date of birth", &shown(holder.born)),
        (1320, 740, 620, "Place of birth", "SAMPLETON"),
        (720, 866, 560, "Date of issue", &shown(holder.issued)),
        (1320, 866, 620, "Date of expiry", &shown(holder.expires())),
        (720, 992, 560, "Authority", "DEMO OFFICE"),
    ];
    for (x, y, width_max, label, value) in columns {
        canvas.text(label, Point::new(x, y), Size::new(19, 38), width_max, LABEL);
        let at = Point::new(x, y + 38);
        canvas.text(value, at, Size::new(33, 62), width_max, INK);
    }
    let line = Rectangle::new(Point::new(1320, 1080), Size::new(600, 3));
    canvas.fill(&line, LABEL);
    let at = Point::new(1320, 1040);
    canvas.text("not signed", at, Size::new(19, 38), 560, LABEL);
    let chip = Rectangle::new(Point::new(300, 992), Size::new(140, 96));
    let page = canvas.bounding_box();
    canvas.rounded(&page, &chip, Size::new_equal(14), Rgb888::new(212, 182, 112));
}

fn machine_lines(canvas: &mut Canvas, holder: &Holder) {
    let strip = Rectangle::new(Point::new(0, 1140), Size::new(SIZE.width, 260));
    canvas.translucent(210, |canvas| canvas.fill(&strip, Rgb888::WHITE));
    let cell = Size::new(42, 78);
    for (y, line) in [(1172, first_line(holder)), (1282, second_line(holder))] {
        canvas.text(&line, Point::new(76, y), cell, 1848, INK);
    }
}

/// As fields are printed: in capitals, and cut where they would not be readable any more.
fn printed(text: &str) -> String {
    let letters = latin1(text.trim()).to_uppercase();
    letters.chars().take(FIELD_CHARS_MAX).collect()
}

fn shown((day, month, year): Date) -> String {
    let name = match month {
        1 => "JAN",
        2 => "FEB",
        3 => "MAR",
        4 => "APR",
        5 => "MAY",
        6 => "JUN",
        7 => "JUL",
        8 => "AUG",
        9 => "SEP",
        10 => "OCT",
        11 => "NOV",
        _ => "DEC",
    };
    format!("{day:02} {name} {year}")
}

/// Three letters of the country's last word: near enough for a document that claims nothing.
fn country_code(country: &str) -> String {
    let word = country.split_whitespace().last().unwrap_or_default();
    filled(&machine_readable(word), 3)
}

fn first_line(holder: &Holder) -> String {
    let code = country_code(&holder.country);
    let names = [&holder.surname, &holder.given].map(|name| machine_readable(name));
    filled(&format!("P<{code}{}", names.join("<<")), 44)
}

fn second_line(holder: &Holder) -> String {
    let with_digit = |field: String| format!("{field}{}", check_digit(&field));
    let short = |(day, month, year): Date| format!("{:02}{month:02}{day:02}", year % 100);
    let number = with_digit(filled(&machine_readable(&holder.number), 9));
    let born = with_digit(short(holder.born));
    let expires = with_digit(short(holder.expires()));
    let personal = with_digit("<".repeat(14));
    let code = country_code(&holder.country);
    let all = check_digit(&format!("{number}{born}{expires}{personal}"));
    format!("{number}{code}{born}<{expires}{personal}{all}")
}

fn filled(text: &str, letters: usize) -> String {
    let fill = std::iter::repeat('<');
    text.chars().chain(fill).take(letters).collect()
}

/// Letters count from A = 10, `<` as 0; weights 7, 3, 1 in turn; modulo 10.
pub(super) fn check_digit(field: &str) -> u32 {
    let values = field.chars().map(|c| c.to_digit(36).unwrap_or_default());
    let weights = [7, 3, 1].into_iter().cycle();
    values.zip(weights).map(|(value, weight)| value * weight).sum::<u32>() % 10
}
