//! Random texts from the system's generator: passwords and call numbers. Nothing of a run's results comes from here.

use std::fmt::Write as _;
use std::io;
use std::sync::{Mutex, PoisonError};

use rand::TryRng;
use rand::rngs::SysRng;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::random::Stream;

const ALPHANUMERICS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// As long as the helm chart's.
const PASSWORD_LENGTH: usize = 12;

/// A new password: 12 random letters and digits, as the helm chart makes them.
pub(super) fn password() -> io::Result<String> {
    let mut password = String::with_capacity(PASSWORD_LENGTH);
    while password.len() < PASSWORD_LENGTH {
        let mut bytes = [0_u8; 32];
        SysRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
        // 248 is the largest multiple of 62 in a byte: the rest would favour the first letters
        let letters = bytes.iter().filter(|&&byte| byte < 248).map(|&byte| ALPHANUMERICS[usize::from(byte) % 62]);
        password.extend(letters.take(PASSWORD_LENGTH - password.len()).map(char::from));
    }
    Ok(password)
}

/// Numbers for `X-Call-Id`: UUIDs of version 4.
pub(super) struct CallIds(Mutex<Stream>);

impl CallIds {
    pub(super) fn new() -> io::Result<Self> {
        let mut seed = [0_u8; 32];
        SysRng.try_fill_bytes(&mut seed).map_err(io::Error::other)?;
        Ok(Self(Mutex::new(Stream::from_seed(seed))))
    }

    pub(super) fn next(&self) -> String {
        let mut bytes = [0_u8; 16];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        // version and variant, RFC 9562 section 5.4
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let mut text = String::with_capacity(36);
        for (index, byte) in bytes.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            // writing to a string can't fail
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// Whether two texts are the same, taking as long for a wrong one as for a right one of that length.
pub(super) fn same(given: &[u8], right: &[u8]) -> bool {
    given.len() == right.len()
        && std::hint::black_box(given.iter().zip(right).fold(0_u8, |differing, (a, b)| differing | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_twelve_letters_and_digits_and_never_the_same() {
        let (one, other) = (password().unwrap(), password().unwrap());
        assert!(one.len() == 12 && one.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{one}");
        assert_ne!(one, other);
    }

    #[test]
    fn call_numbers_are_version_4_uuids() {
        let ids = CallIds::new().unwrap();
        let id = ids.next();
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
        assert!(id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_ne!(id, ids.next());
    }

    #[test]
    fn texts_are_the_same_only_if_every_byte_is() {
        for (given, right, same_text) in
            [("", "", true), ("a", "a", true), ("a", "b", false), ("ab", "a", false), ("", "a", false)]
        {
            assert_eq!(same(given.as_bytes(), right.as_bytes()), same_text, "{given:?} {right:?}");
        }
    }
}
