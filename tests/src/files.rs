//! Tiny sample files of every kind that the storage lets in, and of some that it does not.

/// The smallest PNG there is: one pixel.
pub const PIXEL_PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 6,
    0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 13, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xf0,
    0x1f, 0, 5, 0, 1, 0xff, 0x56, 0xc7, 0x2f, 0x0d, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// One sample of each extension that is let in, with its media type.
pub fn every_kind() -> [(&'static str, &'static str, Vec<u8>); 6] {
    [
        ("pdf", "application/pdf", pdf(64)),
        ("jpg", "image/jpeg", jpg()),
        ("jpeg", "image/jpeg", jpg()),
        ("png", "image/png", PIXEL_PNG.to_vec()),
        ("webp", "image/webp", webp()),
        ("heic", "image/heic", heic()),
    ]
}

/// Files that nobody may offer, whatever they are called.
pub fn intruders() -> [(&'static str, Vec<u8>); 6] {
    [
        ("zip", b"PK\x03\x04\x14\0\0\0\x08\0aaaaaaaaaaaaaaaaaaaaaaaa".to_vec()),
        (
            "html",
            b"<!DOCTYPE html><html><script>alert(1)</script></html>".to_vec(),
        ),
        (
            "svg",
            b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec(),
        ),
        (
            "exe",
            [&b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0"[..], &[0; 64]].concat(),
        ),
        ("gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03aaaaaaaaaaaaaaaaaa".to_vec()),
        ("txt", b"just text".to_vec()),
    ]
}

/// A PDF of exactly so many bytes, at least 64.
pub fn pdf(bytes: usize) -> Vec<u8> {
    let (head, tail) = (&b"%PDF-1.7\n"[..], &b"\nstartxref\n9\n%%EOF\n"[..]);
    let filling = vec![b'x'; bytes - head.len() - tail.len()];
    [head, &filling, tail].concat()
}

/// A JPEG with a frame, a scan and an end.
pub fn jpg() -> Vec<u8> {
    let segment = |code: u8, data: &[u8]| {
        let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
        [&[0xff, code][..], &length, data].concat()
    };
    [
        b"\xff\xd8".to_vec(),
        segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        segment(0xdb, &[1; 65]),
        segment(0xc0, &[0; 15]),
        segment(0xc4, &[0; 20]),
        segment(0xda, &[0; 10]),
        vec![7; 20],
        b"\xff\xd9".to_vec(),
    ]
    .concat()
}

/// A WebP whose length fits.
pub fn webp() -> Vec<u8> {
    let data = [7; 20];
    let chunk = 20_u32.to_le_bytes();
    let length = 32_u32.to_le_bytes();
    [b"RIFF", &length[..], b"WEBPVP8 ", &chunk, &data].concat()
}

/// A HEIC with a type, a description and data.
pub fn heic() -> Vec<u8> {
    let boxed = |kind: &[u8], data: &[u8]| {
        let size = u32::try_from(data.len() + 8).unwrap().to_be_bytes();
        [&size[..], kind, data].concat()
    };
    [
        boxed(b"ftyp", b"heic\0\0\0\0mif1heic"),
        boxed(b"meta", &[0; 40]),
        boxed(b"mdat", &[7; 20]),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use kyc_core::file::inspect::{FileKind, Inspector};

    use super::every_kind;

    #[test]
    fn every_sample_passes_the_inspection_of_its_kind() {
        for (extension, content_type, bytes) in every_kind() {
            let kind = FileKind::from_extension(extension).unwrap();
            assert_eq!(kind.content_type(), content_type);
            let mut inspector = Inspector::new(kind);
            inspector.push(&bytes).unwrap();
            inspector.finish().unwrap();
        }
    }
}
