//! The smallest files that are whole, with `bytes` bytes where the picture or page would be.

pub fn png_chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    let crc = [0; 4];
    [&length.to_be_bytes()[..], kind, data, &crc].concat()
}

pub fn png(bytes: usize) -> Vec<u8> {
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        png_chunk(b"IHDR", &[0; 13]),
        png_chunk(b"tEXt", b"Comment\0IEND"),
        png_chunk(b"IDAT", &vec![7; bytes]),
        png_chunk(b"IDAT", &[]),
        png_chunk(b"IEND", &[]),
    ]
    .concat()
}

fn segment(code: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap();
    [&[0xff, code][..], &length.to_be_bytes(), data].concat()
}

fn scan(bytes: usize) -> Vec<u8> {
    let data = [vec![7; bytes], b"\xff\0\xff\xd0ab\xff\xff\xd1c\xff\0".to_vec()].concat();
    [segment(0xda, &[0; 10]), data].concat()
}

pub fn jpeg(bytes: usize) -> Vec<u8> {
    [
        b"\xff\xd8".to_vec(),
        segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        segment(0xdb, &[1; 65]),
        segment(0xc0, &[0; 15]),
        segment(0xc4, &[0; 20]),
        scan(bytes),
        b"\xff\xd9".to_vec(),
    ]
    .concat()
}

/// Two scans with a table between them, and fill bytes before the end.
pub fn progressive() -> Vec<u8> {
    [
        b"\xff\xd8".to_vec(),
        segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        segment(0xc2, &[0; 15]),
        scan(700),
        segment(0xc4, &[0; 20]),
        scan(30),
        b"\xff\xff\xff\xd9".to_vec(),
    ]
    .concat()
}

pub fn pdf(bytes: usize) -> Vec<u8> {
    [&b"%PDF-1.7\n"[..], &vec![b'x'; bytes], b"\nstartxref\n9\n%%EOF\n"].concat()
}

pub fn webp(bytes: usize) -> Vec<u8> {
    let length = u32::try_from(bytes + 12).unwrap().to_le_bytes();
    let chunk = u32::try_from(bytes).unwrap().to_le_bytes();
    [b"RIFF", &length[..], b"WEBPVP8 ", &chunk, &vec![7; bytes]].concat()
}

pub fn bmff_box(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len() + 8).unwrap();
    [&size.to_be_bytes()[..], kind, data].concat()
}

/// A box whose size is given in 64 bits.
pub fn long_box(kind: &[u8], bytes: usize) -> Vec<u8> {
    let size = u64::try_from(bytes + 16).unwrap();
    [&b"\0\0\0\x01"[..], kind, &size.to_be_bytes(), &vec![7; bytes]].concat()
}

pub fn meta() -> Vec<u8> {
    bmff_box(b"meta", &[0; 40])
}

pub fn mdat(bytes: usize) -> Vec<u8> {
    bmff_box(b"mdat", &vec![7; bytes])
}

pub fn heic(bytes: usize) -> Vec<u8> {
    let head = bmff_box(b"ftyp", b"heic\0\0\0\0mif1heic");
    [head, meta(), bmff_box(b"free", b""), mdat(bytes)].concat()
}
