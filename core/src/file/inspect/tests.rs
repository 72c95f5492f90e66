//! Whole files pass however they are cut, broken and disguised ones do not.

mod names;
mod samples;

use proptest::prelude::*;

use super::{FileKind, FileProblem, HEAD_BYTES, Inspector};
use samples::{bmff_box, heic, jpeg, long_box, mdat, meta, pdf, png, png_chunk, progressive, webp};

const KINDS: [FileKind; 5] = [
    FileKind::Pdf,
    FileKind::Jpeg,
    FileKind::Png,
    FileKind::Webp,
    FileKind::Heic,
];

fn inspect(kind: FileKind, file: &[u8]) -> Result<(), FileProblem> {
    inspect_chunks(kind, [file])
}

fn inspect_chunks<'a>(kind: FileKind, chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<(), FileProblem> {
    let mut inspector = Inspector::new(kind);
    for chunk in chunks {
        inspector.push(chunk)?;
    }
    inspector.finish()
}

#[track_caller]
fn assert_malformed(kind: FileKind, file: &[u8], says: &str) {
    let problem = inspect(kind, file).unwrap_err();
    let text = problem.to_string();
    assert!(text.contains(says), "{text:?} does not say {says:?}");
    assert!(matches!(problem, FileProblem::Malformed(_)), "{problem:?}");
}

/// One small and one large file of every kind; the large ones run far past the signature.
fn whole_files() -> Vec<(FileKind, Vec<u8>)> {
    vec![
        (FileKind::Png, png(10)),
        (FileKind::Png, png(3000)),
        (FileKind::Jpeg, jpeg(10)),
        (FileKind::Jpeg, jpeg(3000)),
        (FileKind::Jpeg, progressive()),
        (FileKind::Pdf, pdf(10)),
        (FileKind::Pdf, pdf(3000)),
        (FileKind::Webp, webp(10)),
        (FileKind::Webp, webp(3000)),
        (FileKind::Heic, heic(10)),
        (FileKind::Heic, heic(3000)),
    ]
}

#[test]
fn whole_files_pass_in_one_piece_and_byte_by_byte() {
    for (kind, file) in whole_files() {
        assert_eq!(inspect(kind, &file), Ok(()), "{kind:?}");
        assert_eq!(inspect_chunks(kind, file.chunks(1)), Ok(()), "{kind:?}");
    }
}

#[test]
fn every_file_cut_short_is_refused() {
    for (kind, file) in whole_files() {
        for kept in 0..=file.len() - 13 {
            assert!(
                inspect(kind, &file[..kept]).is_err(),
                "{kind:?} with {kept} of {} bytes",
                file.len()
            );
        }
    }
}

#[test]
fn a_file_passes_as_its_own_kind_only() {
    for (kind, file) in whole_files() {
        for other in KINDS.into_iter().filter(|other| *other != kind) {
            assert_eq!(inspect(other, &file), Err(FileProblem::Signature));
        }
    }
}

#[test]
fn content_of_no_allowed_type_is_refused_under_every_extension() {
    let foreign: [(&str, &[u8]); 10] = [
        ("zip", b"PK\x03\x04\x14\0\0\0\x08\0................"),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03.........."),
        ("html", b"<!DOCTYPE html><html><script>alert(1)</script>"),
        ("svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>"),
        ("svg with xml", b"<?xml version=\"1.0\"?><svg></svg>"),
        (
            "elf",
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0........................................",
        ),
        ("exe", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0"),
        ("gif", b"GIF89a\x01\0\x01\0\x80\0\0"),
        ("text", b"just some text"),
        ("one byte", b"\x89"),
    ];
    for (name, content) in foreign {
        for kind in KINDS {
            let verdict = inspect(kind, content);
            assert_eq!(verdict, Err(FileProblem::Signature), "{name} as {kind:?}");
        }
    }
}

#[test]
fn nothing_is_empty_and_so_are_empty_chunks() {
    for kind in KINDS {
        assert_eq!(inspect_chunks(kind, []), Err(FileProblem::Empty));
        assert_eq!(inspect(kind, b""), Err(FileProblem::Empty));
    }
}

#[test]
fn a_refusal_is_final() {
    let mut inspector = Inspector::new(FileKind::Png);
    let text = [b'x'; HEAD_BYTES];
    assert_eq!(inspector.push(&text), Err(FileProblem::Signature));
    assert_eq!(inspector.push(&png(10)), Err(FileProblem::Signature));
    assert_eq!(inspector.finish(), Err(FileProblem::Signature));
}

#[test]
fn the_signature_is_decided_with_the_last_byte_of_the_head() {
    let mut inspector = Inspector::new(FileKind::Png);
    assert_eq!(inspector.push(&[b'x'; HEAD_BYTES - 1]), Ok(()));
    assert_eq!(inspector.push(b"x"), Err(FileProblem::Signature));
}

#[test]
fn extensions_name_kinds_in_any_case() {
    for (extension, kind) in [
        ("pdf", FileKind::Pdf),
        ("jpg", FileKind::Jpeg),
        ("JPEG", FileKind::Jpeg),
        ("Png", FileKind::Png),
        ("webp", FileKind::Webp),
        ("HEIC", FileKind::Heic),
    ] {
        assert_eq!(FileKind::from_extension(extension), Some(kind));
    }
    for extension in ["", "svg", "exe", "heif", ".png", "png ", "pdf.exe"] {
        assert_eq!(FileKind::from_extension(extension), None, "{extension:?}");
    }
    for kind in KINDS {
        assert_eq!(FileKind::from_extension(kind.extension()), Some(kind));
    }
}

#[test]
fn png_needs_its_chunks_in_order_and_an_end() {
    let signature = b"\x89PNG\r\n\x1a\n".as_slice();
    let header = png_chunk(b"IHDR", &[0; 13]);
    let data = png_chunk(b"IDAT", &[0; 9]);
    let end = png_chunk(b"IEND", b"");
    let file = |parts: &[&[u8]]| [&[signature], parts].concat().concat();
    let refused = |parts: &[&[u8]], says| assert_malformed(FileKind::Png, &file(parts), says);

    assert_eq!(inspect(FileKind::Png, &file(&[&header, &data, &end])), Ok(()));
    refused(&[&data, &header, &end], "header");
    refused(&[&header, &header, &data, &end], "header");
    refused(&[&png_chunk(b"IHDR", &[0; 12]), &data, &end], "header is damaged");
    refused(&[&header, &end], "holds no picture");
    refused(&[&header, &data], "too early");
    refused(&[&header, &data, &end, b"x"], "after the end");
    refused(&[&header, &data, &png_chunk(b"IEND", b"x")], "no picture");
    refused(&[&header, b"\x80\0\0\0IDAT"], "chunk is damaged");
    refused(&[&header, b"\x7f\xff\xff\xffIDAT"], "too early");
    refused(&[&header, b"\0\0\0\0ID4T"], "chunk is damaged");
    let through_a_text_transfer = b"\x89PNG\n\x1a\n\0\0\0\x0dIHDR";
    assert_malformed(FileKind::Png, through_a_text_transfer, "signature");
}

#[test]
fn jpeg_may_be_followed_by_what_phones_append() {
    let with_film = [jpeg(100), b"\0\0\0\x18ftypmp42".to_vec()].concat();
    assert_eq!(inspect(FileKind::Jpeg, &with_film), Ok(()));
}

#[test]
fn jpeg_ignores_the_end_of_a_preview_inside_a_segment() {
    let preview = b"\xff\xe1\0\x06\xff\xda\xff\xd9";
    let file = jpeg(100);
    let (start, rest) = file.split_at(2);
    let whole = [start, preview, rest].concat();
    assert_eq!(inspect(FileKind::Jpeg, &whole), Ok(()));
    let cut = &whole[..whole.len() - 2];
    assert_malformed(FileKind::Jpeg, cut, "too early");
}

#[test]
fn jpeg_needs_frame_scan_and_end() {
    let refused = |file: &[u8], says| assert_malformed(FileKind::Jpeg, file, says);
    refused(b"\xff\xd8\xff\xd9", "holds no picture");
    refused(b"\xff\xd8\xff\xda\0\x02\xff\xd9", "frame header");
    refused(b"\xff\xd8\xff\xc4\0\x02\xff\xda\0\x02\xff\xd9", "frame header");
    refused(b"\xff\xd8\xff\xe0\0\x01", "segment is damaged");
    refused(b"\xff\xd8\xff\xe0\0\x02x", "marker is missing");
    refused(b"\xff\xd8\xff\x01", "marker is damaged");
    refused(b"\xff\xd8\xff\xc0\0\x02\xff\xda\0\x02abc\xff\0", "too early");
    let shortest = b"\xff\xd8\xff\xff\xc0\0\x02\xff\xda\0\x02\xff\xd9";
    assert_eq!(inspect(FileKind::Jpeg, shortest), Ok(()));
}

#[test]
fn pdf_starts_at_the_first_byte() {
    let late = [b"\n".to_vec(), pdf(10)].concat();
    assert_eq!(inspect(FileKind::Pdf, &late), Err(FileProblem::Signature));
}

#[test]
fn pdf_has_its_end_mark_within_the_last_1024_bytes() {
    let with_tail = |bytes| [b"%PDF-1.7\n%%EOF".to_vec(), vec![b' '; bytes]].concat();
    assert_eq!(inspect(FileKind::Pdf, &with_tail(1024 - 5)), Ok(()));
    assert_malformed(FileKind::Pdf, &with_tail(1024 - 4), "end of the document");
}

#[test]
fn webp_is_as_long_as_it_says() {
    let even = webp(10);
    assert_malformed(FileKind::Webp, &[&even[..], b"\0"].concat(), "after the end");
    assert_malformed(FileKind::Webp, &even[..even.len() - 1], "too early");

    let odd = webp(11);
    assert_eq!(inspect(FileKind::Webp, &odd), Ok(()));
    let padded = [&odd[..], b"\0"].concat();
    assert_eq!(inspect(FileKind::Webp, &padded), Ok(()));
    let padded_twice = [&odd[..], b"\0\0"].concat();
    assert_malformed(FileKind::Webp, &padded_twice, "after the end");
}

#[test]
fn webp_needs_a_riff_header_and_a_picture_chunk() {
    let headed = |header: &[u8]| [header, b"........"].concat();
    let wave = headed(b"RIFX\x10\0\0\0WEBPVP8 ");
    assert_eq!(inspect(FileKind::Webp, &wave), Err(FileProblem::Signature));
    assert_malformed(FileKind::Webp, &headed(b"RIFF\x10\0\0\0WEBPfmt "), "header is damaged");
    assert_malformed(FileKind::Webp, b"RIFF\x07\0\0\0WEBPVP8 ", "length is damaged");
    assert_eq!(inspect(FileKind::Webp, b"RIFF\x08\0\0\0WEBPVP8 "), Ok(()));
}

#[test]
fn heic_boxes_fill_the_file() {
    let head = bmff_box(b"ftyp", b"heic\0\0\0\0mif1heic");
    let file = |parts: &[&[u8]]| [&[&head[..]], parts].concat().concat();
    let passes = |parts: &[&[u8]]| assert_eq!(inspect(FileKind::Heic, &file(parts)), Ok(()));
    let refused = |parts: &[&[u8]], says| assert_malformed(FileKind::Heic, &file(parts), says);

    passes(&[&meta(), &mdat(9)]);
    passes(&[&mdat(9), &meta()]);
    passes(&[&meta(), b"\0\0\0\0mdatto the end"]);
    passes(&[&meta(), &long_box(b"mdat", 9)]);
    passes(&[&meta(), &mdat(0)]);
    refused(&[&meta()], "holds no picture");
    refused(&[&mdat(9)], "holds no picture");
    refused(&[&meta(), &mdat(9), b"\0"], "too early");
    refused(&[&meta(), b"\0\0\0\x07mdat"], "box is damaged");
    refused(&[&meta(), b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x0f"], "box is damaged");
    refused(
        &[&meta(), b"\0\0\0\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff"],
        "too early",
    );
}

#[test]
fn heic_with_a_film_brand_is_no_picture() {
    let film = [bmff_box(b"ftyp", b"mp42\0\0\0\0mp42isom"), meta(), mdat(9)].concat();
    assert_eq!(inspect(FileKind::Heic, &film), Err(FileProblem::Signature));
}

fn any_kind() -> impl Strategy<Value = FileKind> {
    proptest::sample::select(KINDS.to_vec())
}

/// A whole file, perhaps with one byte changed and perhaps cut short.
fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let whole = proptest::sample::select(whole_files()).prop_map(|(_, file)| file);
    let damage = proptest::option::of((any::<prop::sample::Index>(), any::<u8>()));
    let cut = proptest::option::of(any::<prop::sample::Index>());
    (whole, damage, cut).prop_map(|(mut file, damage, cut)| {
        if let Some((at, byte)) = damage {
            *at.get_mut(&mut file) = byte;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        file
    })
}

proptest! {
    #[test]
    fn the_way_a_file_is_cut_into_chunks_does_not_matter(
        kind in any_kind(),
        file in any_file(),
        sizes in proptest::collection::vec(0_usize..700, 1..40),
    ) {
        let mut chunks = Vec::new();
        let mut rest = file.as_slice();
        for size in sizes {
            let (chunk, after) = rest.split_at(size.min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        chunks.push(rest);
        let whole = inspect(kind, &file);
        prop_assert_eq!(inspect_chunks(kind, chunks), whole);
        prop_assert_eq!(inspect_chunks(kind, file.chunks(1)), whole);
    }

    #[test]
    fn arbitrary_bytes_get_a_verdict(
        kind in any_kind(),
        start in proptest::sample::select(whole_files()),
        kept in 0_usize..64,
        noise in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        let file = [&start.1[..kept.min(start.1.len())], &noise].concat();
        let whole = inspect(kind, &file);
        prop_assert_eq!(inspect_chunks(kind, file.chunks(1)), whole);
        prop_assert_eq!(whole == Err(FileProblem::Empty), file.is_empty());
    }
}
