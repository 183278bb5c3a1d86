//! The chunked transfer coding: where a body ends that does not tell its length beforehand (RFC 9112, 7.1).
//!
//! The data itself goes nowhere; only its end matters here.

use crate::record::ErrorKind;

/// Most bytes of chunk extensions and trailers in one answer. They carry nothing for a load generator, and a server that never
/// ends them would otherwise never end its answer.
const EXTRAS: usize = 16 * 1024;

/// How far a chunked body was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunks {
    stage: Stage,
    extras: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Before the first digit of a chunk's size.
    Start,
    Size(u64),
    /// Blanks after the size.
    Blank(u64),
    Extension(u64),
    SizeEnd(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// At the beginning of a line after the last chunk.
    Line,
    Trailer,
    TrailerLf,
    EndLf,
    End,
}

impl Chunks {
    /// Before the first byte of a body.
    pub(super) const fn new() -> Self {
        Self { stage: Stage::Start, extras: 0 }
    }

    /// Whether the body is complete.
    pub(super) fn is_whole(&self) -> bool {
        self.stage == Stage::End
    }

    /// Takes bytes of the body up to its end; returns how many it took.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let mut taken = 0;
        while taken < bytes.len() && self.stage != Stage::End {
            if let Stage::Data(left) = self.stage {
                let rest = bytes.len() - taken;
                let part = usize::try_from(left).map_or(rest, |left| left.min(rest));
                taken += part;
                let left = left - part as u64;
                self.stage = if left == 0 { Stage::DataCr } else { Stage::Data(left) };
            } else {
                self.stage = self.step(bytes[taken]).ok_or(ErrorKind::Protocol)?;
                taken += 1;
            }
        }
        Ok(taken)
    }

    /// The stage after one byte of framing; `None` if it may not stand there.
    fn step(&mut self, byte: u8) -> Option<Stage> {
        let next = match (self.stage, byte) {
            (Stage::Start, _) => Stage::Size(digit(byte)?),
            (Stage::Size(size) | Stage::Blank(size) | Stage::Extension(size), b'\r') => Stage::SizeEnd(size),
            (Stage::Size(size) | Stage::Blank(size), b' ' | b'\t') => Stage::Blank(size),
            (Stage::Size(size) | Stage::Blank(size), b';') => Stage::Extension(size),
            (Stage::Size(size), _) => Stage::Size(size.checked_mul(16)?.checked_add(digit(byte)?)?),
            (Stage::Extension(size), byte) if byte != b'\n' => Stage::Extension(size),
            (Stage::SizeEnd(0) | Stage::TrailerLf, b'\n') => Stage::Line,
            (Stage::SizeEnd(size), b'\n') => Stage::Data(size),
            (Stage::DataCr, b'\r') => Stage::DataLf,
            (Stage::DataLf, b'\n') => Stage::Start,
            (Stage::Line, b'\r') => Stage::EndLf,
            (Stage::Trailer, b'\r') => Stage::TrailerLf,
            (Stage::Line | Stage::Trailer, _) => Stage::Trailer,
            (Stage::EndLf, b'\n') => Stage::End,
            _ => return None,
        };
        if matches!(next, Stage::Blank(_) | Stage::Extension(_) | Stage::Trailer | Stage::TrailerLf) {
            self.extras += 1;
        }
        (self.extras <= EXTRAS).then_some(next)
    }
}

fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many bytes were taken, and whether the body is whole then.
    fn take(body: &[u8]) -> Result<(usize, bool), ErrorKind> {
        let mut chunks = Chunks::new();
        let taken = chunks.take(body)?;
        Ok((taken, chunks.is_whole()))
    }

    #[test]
    fn a_body_ends_after_the_empty_chunk_and_its_trailers() {
        for (body, taken, whole) in [
            ("0\r\n\r\n", 5, true),
            ("5\r\nhello\r\n0\r\n\r\n", 15, true),
            ("5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK", 15, true),
            ("A;name=value\r\n0123456789\r\n000\r\nExpires: 0\r\nX: y\r\n\r\n", 51, true),
            ("1 \t\r\nx\r\n0\r\n\r\n", 13, true),
            ("5\r\nhello\r\n0\r\n", 13, false),
            ("5\r\nhe", 5, false),
            ("", 0, false),
        ] {
            assert_eq!(take(body.as_bytes()), Ok((taken, whole)), "{body:?}");
        }
    }

    #[test]
    fn framing_that_is_none_is_refused() {
        for body in [
            "many\r\n",
            "\r\n",
            "5\nhello",
            "5 5\r\n",
            "5\r\nhelloX",
            "5\r\nhello\rX",
            "5;a\nb",
            "0\r\nX: y\rz",
            "0\r\n\rX",
        ] {
            assert_eq!(take(body.as_bytes()), Err(ErrorKind::Protocol), "{body:?}");
        }
        assert_eq!(take(b"11111111111111111\r\n"), Err(ErrorKind::Protocol), "a size beyond 64 bits");
    }

    #[test]
    fn extensions_and_trailers_without_end_are_refused() {
        for start in ["1;", "0\r\nX: ", "1 "] {
            let mut body = start.as_bytes().to_vec();
            body.resize(body.len() + EXTRAS + 1, b' ');
            assert_eq!(take(&body), Err(ErrorKind::Protocol), "{start:?}");
        }
    }

    proptest! {
        /// However the network cuts it, the same bytes end at the same place.
        #[test]
        fn a_body_ends_where_it_ends_however_it_is_cut(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            rest in prop::collection::vec(any::<u8>(), 0..9),
            cut in 1_usize..50,
        ) {
            let mut body = Vec::new();
            for part in &parts {
                body.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                body.extend_from_slice(part);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\n\r\n");
            let end = body.len();
            body.extend_from_slice(&rest);
            let mut chunks = Chunks::new();
            let taken: usize = body.chunks(cut).map(|piece| chunks.take(piece).expect("a body")).sum();
            prop_assert_eq!((taken, chunks.is_whole()), (end, true));
        }

        /// Nothing that comes over the wire makes it panic or take more than there is.
        #[test]
        fn any_bytes_are_taken_or_refused(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let mut chunks = Chunks::new();
            for piece in &pieces {
                match chunks.take(piece) {
                    Ok(taken) => prop_assert!(taken == piece.len() || chunks.is_whole()),
                    Err(kind) => {
                        prop_assert_eq!(kind, ErrorKind::Protocol);
                        break;
                    }
                }
            }
        }
    }
}
