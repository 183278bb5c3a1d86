//! Factorials, exactly: what `ftest` answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::drive::Handler;

/// Largest number whose factorial is given, as in `functions/ftest`: 35 660 digits.
pub(super) const NUMBER_MAX: u32 = Handler::FACTORIAL_MAX;

/// Above it the work is long enough to be felt by other requests.
const QUICK_MAX: u32 = 500;
/// Answers kept; a load asks for one number, so this is only a limit.
const KEPT_MAX: usize = 64;

/// Decimal digits per limb.
const LIMB_DIGITS: usize = 9;
const LIMB: u64 = 1_000_000_000;

/// `n!` in decimal digits.
pub(super) fn factorial(n: u32) -> String {
    let mut limbs = vec![1_u32];
    let mut factor = 1_u64;
    for next in 2..=u64::from(n) {
        // factors are gathered as long as a limb times their product, and what is carried, fits into 64 bits
        if factor * next > u64::from(u32::MAX) {
            multiply(&mut limbs, factor);
            factor = 1;
        }
        factor *= next;
    }
    multiply(&mut limbs, factor);
    let mut digits = String::with_capacity(limbs.len() * LIMB_DIGITS);
    for (index, limb) in limbs.iter().rev().enumerate() {
        let width = if index == 0 { 1 } else { LIMB_DIGITS };
        // writing to a string can't fail
        let _ = write!(digits, "{limb:0width$}");
    }
    digits
}

fn multiply(limbs: &mut Vec<u32>, factor: u64) {
    let mut carry = 0;
    for limb in limbs.iter_mut() {
        let product = u64::from(*limb) * factor + carry;
        *limb = (product % LIMB) as u32;
        carry = product / LIMB;
    }
    while carry > 0 {
        limbs.push((carry % LIMB) as u32);
        carry /= LIMB;
    }
}

/// Bodies of `ftest`, computed once: the function's work is the model's, not this machine's.
#[derive(Default)]
pub(super) struct Bodies(Mutex<BTreeMap<u32, Bytes>>);

impl Bodies {
    /// `{"value":n!}` as Flask writes it, with its newline. `n` is at most [`NUMBER_MAX`].
    pub(super) async fn get(&self, n: u32) -> Bytes {
        if let Some(body) = self.lock().get(&n) {
            return body.clone();
        }
        let body = if n <= QUICK_MAX {
            body(n)
        } else {
            // the task can only fail if the platform ends, and then nobody reads this
            tokio::task::spawn_blocking(move || body(n)).await.unwrap_or_default()
        };
        let mut kept = self.lock();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(n, body.clone());
        body
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn body(n: u32) -> Bytes {
    format!("{{\"value\":{}}}\n", factorial(n)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_factorials_are_those_of_machine_arithmetic() {
        let mut product = 1_u128;
        for n in 0..=34_u32 {
            product *= u128::from(n.max(1));
            assert_eq!(factorial(n), product.to_string(), "{n}!");
        }
    }

    #[test]
    fn fifty_factorial_is_exact_and_76_bytes_on_the_wire() {
        // OEIS A000142
        assert_eq!(factorial(50), "30414093201713378043612608166064768844377641568960512000000000000");
        assert_eq!(body(50).len(), 76);
    }

    #[test]
    fn large_factorials_have_the_known_number_of_digits_and_of_zeros_at_the_end() {
        // digits: OEIS A034886; zeros: Legendre's sum of n / 5^k
        for (n, digits, zeros) in [(100, 158, 24), (1_000, 2_568, 249), (10_000, 35_660, 2_499)] {
            let text = factorial(n);
            assert_eq!(text.len(), digits, "{n}!");
            assert_eq!(text.len() - text.trim_end_matches('0').len(), zeros, "{n}!");
        }
    }
}
