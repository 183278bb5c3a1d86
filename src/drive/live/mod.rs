//! Wall clock.
