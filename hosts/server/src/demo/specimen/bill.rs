//! A bill of an invented supplier of water and power, over one page of A4 (points, from the bottom
//! left corner), with the Helvetica that every PDF reader brings along.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str};

use super::{Choices, text::latin1};

const REGULAR: Name = Name(b"F1");
const BOLD: Name = Name(b"F2");
const PAGE: (f32, f32) = (595.0, 842.0);
const LEFT: f32 = 50.0;
const RIGHT: f32 = 545.0;
const LINE_CHARS_MAX: usize = 60;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

type Colour = [f32; 3];
const INK: Colour = [0.13, 0.15, 0.19];
const GREY: Colour = [0.42, 0.45, 0.5];
const PALE: Colour = [0.93, 0.95, 0.97];
const WHITE: Colour = [1.0, 1.0, 1.0];
const WATERMARK: Colour = [0.95, 0.86, 0.86];

pub(super) fn write(name: &str, address: &str, choices: &mut Choices) -> Vec<u8> {
    let accent = choices.one_of([[0.05, 0.38, 0.52], [0.10, 0.44, 0.30], [0.42, 0.24, 0.50]]);
    let mut page = Page(Content::new());
    page.watermark();
    heading(&mut page, accent);
    addressee(&mut page, name, address);
    facts(&mut page, choices);
    let total = charges(&mut page, accent, choices);
    usage(&mut page, accent, choices);
    slip(&mut page, name, total, choices);
    document(&page.0.finish())
}

/// A page under work, with the few things that the bill is made of.
struct Page(Content);

impl Page {
    fn text(&mut self, line: &str, (x, y): (f32, f32), size: f32, font: Name, colour: Colour) {
        self.colour(colour);
        self.0.begin_text().set_font(font, size).next_line(x, y);
        self.0.show(Str(&encoded(line))).end_text();
    }

    /// Writes an amount or a date so that it ends at `x`.
    fn figures(&mut self, line: &str, (x, y): (f32, f32), size: f32, font: Name) {
        let width: f32 = line.chars().map(figure_width).sum();
        self.text(line, (x - width * size, y), size, font, INK);
    }

    fn colour(&mut self, [red, green, blue]: Colour) {
        self.0.set_fill_rgb(red, green, blue);
    }

    fn block(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), colour: Colour) {
        self.colour(colour);
        self.0.rect(x, y, width, height).fill_nonzero();
    }

    fn watermark(&mut self) {
        self.0.save_state();
        self.colour(WATERMARK);
        self.0.begin_text();
        self.0.set_font(BOLD, 104.0);
        self.0.set_text_matrix([0.79, 0.61, -0.61, 0.79, 96.0, 178.0]);
        self.0.show(Str(b"SPECIMEN")).end_text().restore_state();
    }
}

fn heading(page: &mut Page, accent: Colour) {
    page.block((0.0, 752.0), (PAGE.0, 90.0), accent);
    // A drop of water as the supplier's mark.
    page.0.set_fill_rgb(1.0, 1.0, 1.0).move_to(72.0, 826.0);
    page.0.cubic_to(80.0, 806.0, 94.0, 798.0, 94.0, 786.0);
    page.0.cubic_to(94.0, 774.0, 84.0, 766.0, 72.0, 766.0);
    page.0.cubic_to(60.0, 766.0, 50.0, 774.0, 50.0, 786.0);
    page.0.cubic_to(50.0, 798.0, 64.0, 806.0, 72.0, 826.0);
    page.0.close_path().fill_nonzero();
    page.text("Aldermere Water & Power", (112.0, 797.0), 22.0, BOLD, WHITE);
    let line = "1 Example Quay, Sampleton  -  an invented company, SPECIMEN only";
    page.text(line, (112.0, 777.0), 9.5, REGULAR, WHITE);
    page.text("Utility bill", (455.0, 797.0), 16.0, BOLD, WHITE);
}

fn addressee(page: &mut Page, name: &str, address: &str) {
    page.text("Billed to", (LEFT, 718.0), 9.0, REGULAR, GREY);
    page.text(&cut(name), (LEFT, 701.0), 12.5, BOLD, INK);
    let lines = address.split([',', '\n']).map(str::trim);
    let heights = [685.0, 670.0, 655.0, 640.0, 625.0];
    for (line, y) in lines.filter(|line| !line.is_empty()).zip(heights) {
        page.text(&cut(line), (LEFT, y), 11.0, REGULAR, INK);
    }
}

fn facts(page: &mut Page, choices: &mut Choices) {
    page.block((330.0, 622.0), (215.0, 110.0), PALE);
    let account = format!("{:04} {:04}", choices.below(10_000), choices.below(10_000));
    let (day, month) = (choices.below(20) + 1, choices.below(11) + 1);
    let rows = [
        (712.0, "Account number", account),
        (692.0, "Date of this bill", format!("{day:02}.{month:02}.2026")),
        (672.0, "Please pay by", format!("{:02}.{:02}.2026", day + 7, month + 1)),
        (652.0, "Meter", format!("7{:07}", choices.below(10_000_000))),
        (632.0, "Tariff", "24".to_owned()),
    ];
    for (y, label, value) in rows {
        page.text(label, (342.0, y), 10.0, REGULAR, GREY);
        page.figures(&value, (533.0, y), 10.0, BOLD);
    }
}

/// The table of what is owed; the total in cents.
fn charges(page: &mut Page, accent: Colour, choices: &mut Choices) -> u32 {
    let (water, power) = (8 + choices.below(14), 180 + choices.below(240));
    let rows = [
        ("Water, cubic metres", water, 214),
        ("Waste water, cubic metres", water, 168),
        ("Electricity, kilowatt hours", power, 27),
        ("Standing charge, days", 30, 41),
        ("Meter service", 1, 350),
    ];
    page.text("Your charges", (LEFT, 590.0), 14.0, BOLD, INK);
    page.block((LEFT, 560.0), (RIGHT - LEFT, 20.0), accent);
    for (x, head) in [
        (58.0, "Item"),
        (318.0, "Quantity"),
        (404.0, "Price EUR"),
        (486.0, "Sum EUR"),
    ] {
        page.text(head, (x, 566.5), 10.0, BOLD, WHITE);
    }
    let mut total = 0;
    let mut y = 542.0;
    for (item, quantity, price) in rows {
        let sum = quantity * price;
        total += sum;
        page.text(item, (58.0, y), 10.5, REGULAR, INK);
        page.figures(&quantity.to_string(), (360.0, y), 10.5, REGULAR);
        page.figures(&euros(price), (452.0, y), 10.5, REGULAR);
        page.figures(&euros(sum), (537.0, y), 10.5, REGULAR);
        page.block((LEFT, y - 7.0), (RIGHT - LEFT, 0.6), GREY);
        y -= 21.0;
    }
    let tax = total / 10;
    total += tax;
    page.text("Tax, 10 per cent", (58.0, y), 10.5, REGULAR, INK);
    page.figures(&euros(tax), (537.0, y), 10.5, REGULAR);
    page.block((330.0, y - 44.0), (215.0, 30.0), PALE);
    page.text("Total due, EUR", (342.0, y - 34.0), 12.0, BOLD, INK);
    page.figures(&euros(total), (537.0, y - 34.0), 14.0, BOLD);
    total
}

fn usage(page: &mut Page, accent: Colour, choices: &mut Choices) {
    page.text(
        "Electricity over the last twelve months, kWh",
        (LEFT, 350.0),
        11.0,
        BOLD,
        INK,
    );
    page.block((LEFT, 232.0), (RIGHT - LEFT, 0.8), GREY);
    let mut x = 60.0;
    for month in MONTHS {
        let hours = u16::try_from(150 + choices.below(260)).unwrap_or_default();
        let height = f32::from(hours) / 4.4;
        page.block((x, 233.0), (25.0, height), accent);
        page.figures(&hours.to_string(), (x + 20.0, 237.0 + height), 8.0, REGULAR);
        page.text(month, (x + 4.0, 220.0), 8.5, REGULAR, GREY);
        x += 40.6;
    }
}

/// The part to tear off and take to the bank.
fn slip(page: &mut Page, name: &str, total: u32, choices: &mut Choices) {
    page.0.save_state().set_stroke_rgb(0.42, 0.45, 0.5);
    page.0.set_dash_pattern([4.0, 3.0], 0.0);
    page.0
        .move_to(0.0, 190.0)
        .line_to(PAGE.0, 190.0)
        .stroke()
        .restore_state();
    page.text(
        "Payment slip - SPECIMEN, cannot be paid",
        (LEFT, 166.0),
        11.0,
        BOLD,
        INK,
    );
    page.text("Payer", (LEFT, 142.0), 9.0, REGULAR, GREY);
    page.text(&cut(name), (120.0, 142.0), 10.5, REGULAR, INK);
    page.text("Amount, EUR", (LEFT, 122.0), 9.0, REGULAR, GREY);
    page.text(&euros(total), (120.0, 122.0), 10.5, BOLD, INK);
    page.text("Payable to", (LEFT, 102.0), 9.0, REGULAR, GREY);
    page.text("Aldermere Water & Power", (120.0, 102.0), 10.5, REGULAR, INK);
    let mut x = 340.0;
    while x < 540.0 {
        let width = choices.one_of([0.9, 1.4, 2.2]);
        page.block((x, 96.0), (width, 60.0), INK);
        x += width + choices.one_of([1.2, 1.8, 2.6]);
    }
    let words = "Questions? This page was made for a demo; no such company, meter or debt exists.";
    page.text(words, (LEFT, 48.0), 9.0, REGULAR, GREY);
}

/// Puts the finished page into a file.
fn document(content: &[u8]) -> Vec<u8> {
    let [catalog, tree, leaf, regular, bold, stream] = [1, 2, 3, 4, 5, 6].map(Ref::new);
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids([leaf]).count(1);
    let mut page = pdf.page(leaf);
    page.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1));
    page.parent(tree).contents(stream);
    let mut resources = page.resources();
    resources.fonts().pair(REGULAR, regular).pair(BOLD, bold);
    resources.finish();
    page.finish();
    for (id, face) in [(regular, &b"Helvetica"[..]), (bold, b"Helvetica-Bold")] {
        let mut font = pdf.type1_font(id);
        font.base_font(Name(face));
        font.encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.stream(stream, content);
    pdf.finish()
}

/// Latin-1 agrees with the encoding of the fonts in every letter that we let through.
fn encoded(line: &str) -> Vec<u8> {
    let letters = latin1(line);
    letters.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect()
}

fn cut(line: &str) -> String {
    line.chars().take(LINE_CHARS_MAX).collect()
}

/// The width of digits and the signs among them, in both faces of Helvetica.
fn figure_width(c: char) -> f32 {
    if c.is_ascii_digit() { 0.556 } else { 0.278 }
}

fn euros(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
